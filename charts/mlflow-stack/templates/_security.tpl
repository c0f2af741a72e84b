{{- define "mlflow-stack.auth.secretName" -}}
{{ .Values.auth.existingSecret | default (printf "%s-auth" (include "mlflow-stack.fullname" .)) }}
{{- end }}

{{- define "mlflow-stack.tls.secretName" -}}
{{ .Values.tls.existingSecret | default (printf "%s-tls" (include "mlflow-stack.fullname" .)) }}
{{- end }}

{{/* The URL scheme of server and bundled store. */}}
{{- define "mlflow-stack.scheme" -}}
{{ ternary "https" "http" .Values.tls.enabled }}
{{- end }}

{{/* For probes, which do not verify certificates. */}}
{{- define "mlflow-stack.probeScheme" -}}
scheme: {{ include "mlflow-stack.scheme" . | upper }}
{{- end }}

{{/* Every DNS name that a certificate must contain, as a JSON list. */}}
{{- define "mlflow-stack.certificateNames" -}}
{{- $store := include "mlflow-stack.versitygw.fullname" . -}}
{{- $inNamespace := printf "%s.%s" $store .Release.Namespace -}}
{{- $names := list "localhost" $store $inNamespace (printf "%s.svc" $inNamespace) (printf "%s.svc.%s" $inNamespace .Values.clusterDomain) -}}
{{- concat (include "mlflow-stack.serviceNames" . | fromJsonArray) $names | toJson -}}
{{- end }}

{{/* The Secret with the CA certificate of the store; empty for public CAs. */}}
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

{{/* The database of users, for Jobs that dump and restore it. */}}
{{- define "mlflow-stack.authDatabase" -}}
{{- if .Values.auth.enabled }}
- name: MLFLOW_AUTH_DATABASE
  value: {{ .Values.auth.database }}
{{- end }}
{{- end }}

{{/* Settings of MLflow's authentication. The scripts write its configuration file. */}}
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

{{/* URL, credentials and CA certificates of a client of this release, such as its test. */}}
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
{{- if include "mlflow-stack.clientCaSecrets" . | fromJsonArray }}
- name: CA_CERTIFICATES_FOLDER
  value: /run/secrets/ca-certificates
{{- end }}
{{- end }}

{{/* The Secrets with CA certificates that such a client trusts, the store's for presigned URLs too. A JSON list. */}}
{{- define "mlflow-stack.clientCaSecrets" -}}
{{- $secrets := list (include "mlflow-stack.store.caSecret" .) -}}
{{- if .Values.tls.enabled -}}
{{- $secrets = append $secrets (include "mlflow-stack.tls.secretName" .) -}}
{{- end -}}
{{- without $secrets "" | uniq | toJson -}}
{{- end }}

{{- define "mlflow-stack.clientVolumeMounts" -}}
{{- if include "mlflow-stack.clientCaSecrets" . | fromJsonArray }}
- name: ca-certificates
  mountPath: /run/secrets/ca-certificates
  readOnly: true
{{- end }}
{{- end }}

{{- define "mlflow-stack.clientVolumes" -}}
{{- with include "mlflow-stack.clientCaSecrets" . | fromJsonArray }}
- name: ca-certificates
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
