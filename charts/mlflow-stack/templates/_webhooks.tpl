{{- define "mlflow-stack.webhooks.secretName" -}}
{{ .Values.webhooks.existingSecret | default (printf "%s-webhooks" (include "mlflow-stack.fullname" .)) }}
{{- end }}

{{/*
Whom MLflow may call. All servers must decrypt what one of them has encrypted, and each keeps the list of webhooks
for a while: a new one is deaf for as long.
*/}}
{{- define "mlflow-stack.webhooksEnvironment" -}}
- name: MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY
  valueFrom:
    secretKeyRef:
      name: {{ include "mlflow-stack.webhooks.secretName" . }}
      key: encryptionKey
- name: MLFLOW_WEBHOOK_CACHE_TTL
  value: "2"
# Ten threads deliver to everybody: one receiver that hangs must not keep them all.
- name: MLFLOW_WEBHOOK_REQUEST_TIMEOUT
  value: "5"
{{- if .Values.webhooks.enabled }}
- name: MLFLOW_WEBHOOK_ALLOWED_SCHEMES
  value: http,https
- name: MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS
  value: "true"
{{- end }}
{{- end }}
