{{/*
The data of a Secret that this chart creates, as JSON: the values in the cluster, and generated ones for missing keys.
They are cached for the rendering, so that the Secret, the connection Secret of Davit and the checksums that restart
pods agree. Without a cluster nothing can be read back, and every rendering would generate other credentials: a GitOps
tool would replace the database's password at each sync.
Call: (list $ "name" (dict "key" "generated value, used if the key is missing") "value for an existing Secret")
*/}}
{{- define "mlflow-stack.generated" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- $memory := $root.Release.generated | default dict -}}
{{- if not (hasKey $memory $name) -}}
{{- /* Helm has permission: it lists these Secrets itself. With a cluster the result has a kind, even without items. */ -}}
{{- if not (or $root.Values.temporaryCredentials (lookup "v1" "Secret" $root.Release.Namespace "")) -}}
{{- fail (printf "%s is empty, and without a cluster (helm template, --dry-run=client, GitOps tools) generated credentials cannot be read back: every rendering would generate others. Set %s to the name of an existing Secret; or, only to inspect the manifests, set temporaryCredentials to true" (index . 3) (index . 3)) -}}
{{- end -}}
{{- $present := (lookup "v1" "Secret" $root.Release.Namespace $name).data | default dict -}}
{{- $data := dict -}}
{{- range $key, $fresh := index . 2 -}}
{{- $_ := set $data $key (get $present $key | default ($fresh | b64enc)) -}}
{{- end -}}
{{- $_ := set $memory $name $data -}}
{{- $_ := set $root.Release "generated" $memory -}}
{{- end -}}
{{- get $memory $name | toJson -}}
{{- end }}

{{/* The data of each Secret of this chart, as JSON; empty where an existing Secret is used. */}}
{{- define "mlflow-stack.database.generated" -}}
{{- if and (eq .Values.database.kind "bundled") (not .Values.database.existingSecret) -}}
{{- include "mlflow-stack.generated" (list . (include "mlflow-stack.database.secretName" .) (dict "password" (randAlphaNum 32)) "database.existingSecret") -}}
{{- end -}}
{{- end }}

{{- define "mlflow-stack.store.generated" -}}
{{- if and (eq .Values.store.kind "bundled") (not .Values.store.existingSecret) -}}
{{- include "mlflow-stack.generated" (list . (include "mlflow-stack.store.secretName" .) (dict "AWS_ACCESS_KEY_ID" (randAlphaNum 20 | upper) "AWS_SECRET_ACCESS_KEY" (randAlphaNum 40)) "store.existingSecret") -}}
{{- end -}}
{{- end }}

{{/* Fernet requires 32 bytes in URL-safe base64. */}}
{{- define "mlflow-stack.webhooks.generated" -}}
{{- if not .Values.webhooks.existingSecret -}}
{{- include "mlflow-stack.generated" (list . (include "mlflow-stack.webhooks.secretName" .) (dict "secret" (randAlphaNum 40) "encryptionKey" (randBytes 32 | replace "+" "-" | replace "/" "_")) "webhooks.existingSecret") -}}
{{- end -}}
{{- end }}

{{- define "mlflow-stack.auth.generated" -}}
{{- if and .Values.auth.enabled (not .Values.auth.existingSecret) -}}
{{- include "mlflow-stack.generated" (list . (include "mlflow-stack.auth.secretName" .) (dict "username" "admin" "password" (randAlphaNum 32) "secretKey" (randAlphaNum 40)) "auth.existingSecret") -}}
{{- end -}}
{{- end }}

{{/* One certificate for the server and the bundled store, signed by a CA whose key is discarded. */}}
{{- define "mlflow-stack.tls.generated" -}}
{{- if and .Values.tls.enabled (not .Values.tls.existingSecret) -}}
{{- $secret := include "mlflow-stack.tls.secretName" . -}}
{{- $fresh := dict "tls.crt" "" "tls.key" "" "ca.crt" "" -}}
{{- if not (lookup "v1" "Secret" .Release.Namespace $secret) -}}
{{- $name := include "mlflow-stack.fullname" . -}}
{{- $ca := genCA (printf "%s CA" $name) 3650 -}}
{{- $names := include "mlflow-stack.certificateNames" . | fromJsonArray -}}
{{- $certificate := genSignedCert $name (list "127.0.0.1") $names 3650 $ca -}}
{{- $fresh = dict "tls.crt" $certificate.Cert "tls.key" $certificate.Key "ca.crt" $ca.Cert -}}
{{- end -}}
{{- include "mlflow-stack.generated" (list . $secret $fresh "tls.existingSecret") -}}
{{- end -}}
{{- end }}

{{/* A checksum for the annotations of pods that read these Secrets, so that a change restarts them. Call: (list $ "database" "store") */}}
{{- define "mlflow-stack.checksum" -}}
{{- $root := index . 0 -}}
{{- $all := list -}}
{{- range rest . -}}
{{- $all = append $all (include (printf "mlflow-stack.%s.generated" .) $root) -}}
{{- end -}}
{{- $all | join "," | sha256sum | trunc 16 -}}
{{- end }}
