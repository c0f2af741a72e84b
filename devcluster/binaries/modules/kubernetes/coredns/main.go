// Command coredns is CoreDNS with the plugins that a cluster's own names need: the other forty, which
// ask clouds and databases, would double the time it takes to build.
package main

import (
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/reload"
	_ "github.com/coredns/coredns/plugin/template"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
)

func main() {
	// The order in which a query passes through them.
	dnsserver.Directives = []string{
		"reload", "ready", "health", "errors", "cache", "loadbalance", "template", "kubernetes",
	}
	coremain.Run()
}
