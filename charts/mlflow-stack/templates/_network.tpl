{{- define "mlflow-stack.networkPolicy.metadata" }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "mlflow-stack.fullname" (index . 0) }}-{{ index . 1 }}
  namespace: {{ (index . 0).Release.Namespace }}
  labels:
    {{- include "mlflow-stack.labels" . | nindent 4 }}
{{- end }}

{{- define "mlflow-stack.networkPolicy.release" }}
podSelector:
  matchLabels:
    app.kubernetes.io/name: mlflow-stack
    app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{/* A rule's `from`: the clients in the values, and Davit; without clients it is empty, which allows all. */}}
{{- define "mlflow-stack.networkPolicy.clients" }}
{{- with .Values.networkPolicy.clients }}
from:
  - {{- include "mlflow-stack.networkPolicy.release" $ | nindent 4 }}
  # Davit's operator, and its serving pods, which fetch their models.
  - namespaceSelector: {}
    podSelector:
      matchLabels:
        app.kubernetes.io/name: davit-operator
  - namespaceSelector: {}
    podSelector:
      matchLabels:
        app.kubernetes.io/managed-by: davit
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
