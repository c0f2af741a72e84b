{{- define "mlflow-stack.webhooks.secretName" -}}
{{ .Values.webhooks.existingSecret | default (printf "%s-webhooks" (include "mlflow-stack.fullname" .)) }}
{{- end }}

{{/*
Settings of MLflow's webhooks. All servers need the same key to decrypt webhook secrets. Each server caches the list of
webhooks, so that a new webhook gets no events until the cache expires.
*/}}
{{- define "mlflow-stack.webhooksEnvironment" -}}
- name: MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY
  valueFrom:
    secretKeyRef:
      name: {{ include "mlflow-stack.webhooks.secretName" . }}
      key: encryptionKey
- name: MLFLOW_WEBHOOK_CACHE_TTL
  value: "2"
# Ten threads deliver to all receivers: one that hangs must not block them all.
- name: MLFLOW_WEBHOOK_REQUEST_TIMEOUT
  value: "5"
{{- if .Values.webhooks.enabled }}
- name: MLFLOW_WEBHOOK_ALLOWED_SCHEMES
  value: http,https
- name: MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS
  value: "true"
{{- end }}
{{- end }}
