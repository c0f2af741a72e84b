{{/*
The data of a Secret that this chart makes, as JSON: what the cluster has, completed by what is missing there, which is
made up. It is remembered, so that it is the same wherever one rendering asks: in the Secret, in the connection of
Davit, in the checksums that restart pods. Without a cluster nothing can be read back, and every rendering would
generate other credentials: a GitOps tool would replace the database's password at each sync.
Call: (list $ "name" (dict "key" "made up, if needed") "the value that names the user's own Secret")
*/}}
{{- define "mlflow-stack.made" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- $memory := $root.Release.made | default dict -}}
{{- if not (hasKey $memory $name) -}}
{{- /* Helm itself lists the Secrets of this namespace, so it may. An empty list is not empty: it has a kind. */ -}}
{{- if not (or $root.Values.temporaryCredentials (lookup "v1" "Secret" $root.Release.Namespace "")) -}}
{{- fail (printf "%s is empty, and without a cluster (helm template, --dry-run=client, GitOps tools) generated credentials cannot be read back: every rendering would generate others. Set %s to the name of a Secret of yours; or, only to look at the manifests, set temporaryCredentials to true" (index . 3) (index . 3)) -}}
{{- end -}}
{{- $present := (lookup "v1" "Secret" $root.Release.Namespace $name).data | default dict -}}
{{- $data := dict -}}
{{- range $key, $fresh := index . 2 -}}
{{- $_ := set $data $key (get $present $key | default ($fresh | b64enc)) -}}
{{- end -}}
{{- $_ := set $memory $name $data -}}
{{- $_ := set $root.Release "made" $memory -}}
{{- end -}}
{{- get $memory $name | toJson -}}
{{- end }}

{{/* The data of each Secret of this chart, as JSON; nothing where the user has one. */}}
{{- define "mlflow-stack.database.made" -}}
{{- if and (eq .Values.database.kind "bundled") (not .Values.database.existingSecret) -}}
{{- include "mlflow-stack.made" (list . (include "mlflow-stack.database.secretName" .) (dict "password" (randAlphaNum 32)) "database.existingSecret") -}}
{{- end -}}
{{- end }}

{{- define "mlflow-stack.store.made" -}}
{{- if and (eq .Values.store.kind "bundled") (not .Values.store.existingSecret) -}}
{{- include "mlflow-stack.made" (list . (include "mlflow-stack.store.secretName" .) (dict "AWS_ACCESS_KEY_ID" (randAlphaNum 20 | upper) "AWS_SECRET_ACCESS_KEY" (randAlphaNum 40)) "store.existingSecret") -}}
{{- end -}}
{{- end }}

{{/* Fernet wants 32 bytes in the alphabet for URLs. */}}
{{- define "mlflow-stack.webhooks.made" -}}
{{- if not .Values.webhooks.existingSecret -}}
{{- include "mlflow-stack.made" (list . (include "mlflow-stack.webhooks.secretName" .) (dict "secret" (randAlphaNum 40) "encryptionKey" (randBytes 32 | replace "+" "-" | replace "/" "_")) "webhooks.existingSecret") -}}
{{- end -}}
{{- end }}

{{- define "mlflow-stack.auth.made" -}}
{{- if and .Values.auth.enabled (not .Values.auth.existingSecret) -}}
{{- include "mlflow-stack.made" (list . (include "mlflow-stack.auth.secretName" .) (dict "username" "admin" "password" (randAlphaNum 32) "secretKey" (randAlphaNum 40)) "auth.existingSecret") -}}
{{- end -}}
{{- end }}

{{/* One certificate for the server and the bundled store, by an authority whose key nobody keeps. */}}
{{- define "mlflow-stack.tls.made" -}}
{{- if and .Values.tls.enabled (not .Values.tls.existingSecret) -}}
{{- $secret := include "mlflow-stack.tls.secretName" . -}}
{{- $fresh := dict "tls.crt" "" "tls.key" "" "ca.crt" "" -}}
{{- if not (lookup "v1" "Secret" .Release.Namespace $secret) -}}
{{- $name := include "mlflow-stack.fullname" . -}}
{{- $authority := genCA (printf "%s authority" $name) 3650 -}}
{{- $names := include "mlflow-stack.certifiedNames" . | fromJsonArray -}}
{{- $certificate := genSignedCert $name (list "127.0.0.1") $names 3650 $authority -}}
{{- $fresh = dict "tls.crt" $certificate.Cert "tls.key" $certificate.Key "ca.crt" $authority.Cert -}}
{{- end -}}
{{- include "mlflow-stack.made" (list . $secret $fresh "tls.existingSecret") -}}
{{- end -}}
{{- end }}

{{/* Stands in the annotations of pods that read these Secrets: another credential restarts them. Call: (list $ "database" "store") */}}
{{- define "mlflow-stack.checksum" -}}
{{- $root := index . 0 -}}
{{- $all := list -}}
{{- range rest . -}}
{{- $all = append $all (include (printf "mlflow-stack.%s.made" .) $root) -}}
{{- end -}}
{{- $all | join "," | sha256sum | trunc 16 -}}
{{- end }}
