{{/*
Settings of a client on this machine: credentials and, through a port-forward, the CA certificate. The commands work in
a POSIX shell. Call: (list $ "whether there is a port-forward")
*/}}
{{- define "mlflow-stack.notes.credentials" -}}
{{- $root := index . 0 -}}
{{- with $root.Values }}
{{- if .auth.enabled }}

   MLflow requires authentication. Set the administrator's credentials for MLflow clients:
{{- range $variable, $key := dict "MLFLOW_TRACKING_USERNAME" "username" "MLFLOW_TRACKING_PASSWORD" "password" }}
     export {{ $variable }}="$({{ include "mlflow-stack.notes.readSecret" (list $root (include "mlflow-stack.auth.secretName" $root) $key) }})"
{{- end }}
     echo "$MLFLOW_TRACKING_USERNAME $MLFLOW_TRACKING_PASSWORD"
{{- end }}
{{- if and .tls.enabled (index $ 1) }}

   Clients must trust the CA certificate:
     {{ include "mlflow-stack.notes.readSecret" (list $root (include "mlflow-stack.tls.secretName" $root) "ca\\.crt") }} > {{ include "mlflow-stack.fullname" $root }}-ca.crt
     export MLFLOW_TRACKING_SERVER_CERT_PATH="$PWD/{{ include "mlflow-stack.fullname" $root }}-ca.crt"
{{- end }}
{{- if index $ 1 }}
     export MLFLOW_TRACKING_URI={{ include "mlflow-stack.scheme" $root }}://localhost:5000
{{- end }}
{{- end }}
{{- end }}

{{/* A command that prints one key of a Secret. Call: (list $ "secret" "key") */}}
{{- define "mlflow-stack.notes.readSecret" -}}
kubectl --namespace {{ (index . 0).Release.Namespace }} get secret {{ index . 1 }} --output 'jsonpath={.data.{{ index . 2 }}}' | base64 --decode
{{- end }}
