// The process that holds a pod's namespaces open.
module davit.dev/devcluster/pause

go 1.24.0
