{{- define "mlflow-stack.auth.secretName" -}}
{{ .Values.auth.existingSecret | default (printf "%s-auth" (include "mlflow-stack.fullname" .)) }}
{{- end }}

{{- define "mlflow-stack.tls.secretName" -}}
{{ .Values.tls.existingSecret | default (printf "%s-tls" (include "mlflow-stack.fullname" .)) }}
{{- end }}

{{/* What is in front of the addresses of server and bundled store. */}}
{{- define "mlflow-stack.scheme" -}}
{{ ternary "https" "http" .Values.tls.enabled }}
{{- end }}

{{/* For probes, which do not look at certificates. */}}
{{- define "mlflow-stack.probeScheme" -}}
scheme: {{ include "mlflow-stack.scheme" . | upper }}
{{- end }}

{{/* Every name for which a certificate must speak, as a JSON list. */}}
{{- define "mlflow-stack.certifiedNames" -}}
{{- $store := include "mlflow-stack.versitygw.fullname" . -}}
{{- $inNamespace := printf "%s.%s" $store .Release.Namespace -}}
{{- $names := list "localhost" $store $inNamespace (printf "%s.svc" $inNamespace) (printf "%s.svc.%s" $inNamespace .Values.clusterDomain) -}}
{{- concat (include "mlflow-stack.serviceNames" . | fromJsonArray) $names | toJson -}}
{{- end }}

{{/* Whose authorities the store's certificate is checked against; empty for the usual ones. */}}
{{- define "mlflow-stack.store.caSecret" -}}
{{- if and .Values.tls.enabled (eq .Values.store.kind "bundled") -}}
{{ include "mlflow-stack.tls.secretName" . }}
{{- else -}}
{{ .Values.store.caSecret }}
{{- end -}}
{{- end }}

{{- define "mlflow-stack.tlsVolumes" -}}
{{- if .Values.tls.enabled }}
- name: tls
  secret:
    secretName: {{ include "mlflow-stack.tls.secretName" . }}
    defaultMode: 0440
{{- end }}
{{- end }}

{{- define "mlflow-stack.tlsVolumeMounts" -}}
{{- if .Values.tls.enabled }}
- name: tls
  mountPath: /tls
  readOnly: true
{{- end }}
{{- end }}

{{/* Where users are kept, for those who dump and restore them. */}}
{{- define "mlflow-stack.authDatabase" -}}
{{- if .Values.auth.enabled }}
- name: MLFLOW_AUTH_DATABASE
  value: {{ .Values.auth.database }}
{{- end }}
{{- end }}

{{/* How MLflow asks for users, and where it keeps them. The scripts write its configuration file. */}}
{{- define "mlflow-stack.authEnvironment" -}}
{{- include "mlflow-stack.authDatabase" . }}
{{- if .Values.auth.enabled }}
- name: MLFLOW_AUTH_DEFAULT_PERMISSION
  value: {{ .Values.auth.defaultPermission }}
- name: MLFLOW_AUTH_CACHE_SECONDS
  value: {{ .Values.auth.cacheSeconds | quote }}
{{- range $variable, $key := dict "MLFLOW_AUTH_ADMIN_USERNAME" "username" "MLFLOW_AUTH_ADMIN_PASSWORD" "password" "MLFLOW_FLASK_SERVER_SECRET_KEY" "secretKey" }}
- name: {{ $variable }}
  valueFrom:
    secretKeyRef:
      name: {{ include "mlflow-stack.auth.secretName" $ }}
      key: {{ $key }}
{{- end }}
{{- end }}
{{- end }}

{{/* How a client of this release, such as its test, proves itself and whom it trusts. */}}
{{- define "mlflow-stack.clientEnvironment" -}}
- name: MLFLOW_TRACKING_URI
  value: {{ include "mlflow-stack.registry.url" . }}
{{- if .Values.auth.enabled }}
{{- range $variable, $key := dict "MLFLOW_TRACKING_USERNAME" "username" "MLFLOW_TRACKING_PASSWORD" "password" }}
- name: {{ $variable }}
  valueFrom:
    secretKeyRef:
      name: {{ include "mlflow-stack.auth.secretName" $ }}
      key: {{ $key }}
{{- end }}
{{- end }}
{{- if include "mlflow-stack.clientAuthorities" . | fromJsonArray }}
- name: AUTHORITIES
  value: /run/secrets/authorities
{{- end }}
{{- end }}

{{/* The Secrets with authorities that such a client must trust: presigned URLs lead to the store. A JSON list. */}}
{{- define "mlflow-stack.clientAuthorities" -}}
{{- $secrets := list (include "mlflow-stack.store.caSecret" .) -}}
{{- if .Values.tls.enabled -}}
{{- $secrets = append $secrets (include "mlflow-stack.tls.secretName" .) -}}
{{- end -}}
{{- without $secrets "" | uniq | toJson -}}
{{- end }}

{{- define "mlflow-stack.clientVolumeMounts" -}}
{{- if include "mlflow-stack.clientAuthorities" . | fromJsonArray }}
- name: authorities
  mountPath: /run/secrets/authorities
  readOnly: true
{{- end }}
{{- end }}

{{- define "mlflow-stack.clientVolumes" -}}
{{- with include "mlflow-stack.clientAuthorities" . | fromJsonArray }}
- name: authorities
  projected:
    sources:
      {{- range . }}
      - secret:
          name: {{ . }}
          items:
            - key: ca.crt
              path: {{ . }}.crt
      {{- end }}
{{- end }}
{{- end }}
