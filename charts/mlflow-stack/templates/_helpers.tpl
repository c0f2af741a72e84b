{{/* The base of every object's name. */}}
{{- define "mlflow-stack.fullname" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "mlflow-stack.postgresql.fullname" -}}
{{ include "mlflow-stack.fullname" . }}-postgresql
{{- end }}

{{- define "mlflow-stack.versitygw.fullname" -}}
{{ include "mlflow-stack.fullname" . }}-versitygw
{{- end }}

{{/*
Labels that select the pods of one component, and the only ones of its pod template: a label that changes with the
chart would restart the database at every upgrade. Call: (list $ "server")
*/}}
{{- define "mlflow-stack.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: mlflow-stack
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* All labels of one component's objects. Call: (list $ "server") */}}
{{- define "mlflow-stack.labels" -}}
{{- $root := index . 0 -}}
{{ include "mlflow-stack.selectorLabels" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: mlflow
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name ($root.Chart.Version | replace "+" "_") }}
{{- end }}

{{/* An image reference. Call: (list .Values.x.image "default tag") */}}
{{- define "mlflow-stack.image" -}}
{{- $image := index . 0 -}}
{{- printf "%s:%s" $image.repository ($image.tag | default (index . 1)) | quote -}}
{{- end }}

{{/* Settings of every pod: no token, no service variables (MLFLOW_PORT=tcp://... would break mlflow). */}}
{{- define "mlflow-stack.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Where a pod may run. Call with the values of its component. Affinity is separate: the rules of servers do not fit a Job. */}}
{{- define "mlflow-stack.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "mlflow-stack.affinity" -}}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Users' additions to every container of MLflow's image; the pod then needs mlflow-stack.extraVolumes. */}}
{{- define "mlflow-stack.extraEnvFrom" -}}
{{- with .Values.server.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "mlflow-stack.extraEnv" -}}
{{- with .Values.server.extraEnv }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{- define "mlflow-stack.extraVolumeMounts" -}}
{{- with .Values.server.extraVolumeMounts }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{- define "mlflow-stack.extraInitContainers" -}}
{{- with .Values.server.extraInitContainers }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "mlflow-stack.extraVolumes" -}}
{{- with .Values.server.extraVolumes }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{/* The pod's security context. Call: (list uid) */}}
{{- define "mlflow-stack.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: {{ index . 0 }}
runAsGroup: {{ index . 0 }}
fsGroup: {{ index . 0 }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "mlflow-stack.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Fully qualified: pods of other namespaces use it. */}}
{{- define "mlflow-stack.registry.url" -}}
{{ include "mlflow-stack.scheme" . }}://{{ include "mlflow-stack.fullname" . }}.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}:{{ .Values.service.port }}
{{- end }}

{{/* Every name that the cluster's DNS gives the Service, as a JSON list. */}}
{{- define "mlflow-stack.serviceNames" -}}
{{- $name := include "mlflow-stack.fullname" . -}}
{{- $inNamespace := printf "%s.%s" $name .Release.Namespace -}}
{{- $service := printf "%s.svc" $inNamespace -}}
{{- list $name $inNamespace $service (printf "%s.%s" $service .Values.clusterDomain) | toJson -}}
{{- end }}

{{/* Every host of the Ingress and the HTTPRoute, as a JSON list. */}}
{{- define "mlflow-stack.externalHosts" -}}
{{- $hosts := list -}}
{{- if .Values.ingress.enabled -}}
{{- $hosts = concat $hosts .Values.ingress.hosts -}}
{{- end -}}
{{- if .Values.httpRoute.enabled -}}
{{- $hosts = concat $hosts .Values.httpRoute.hostnames -}}
{{- end -}}
{{- $hosts | uniq | toJson -}}
{{- end }}

{{/* The hosts that the Ingress has a certificate for, as a JSON list. */}}
{{- define "mlflow-stack.tlsHosts" -}}
{{- $hosts := list -}}
{{- if .Values.ingress.enabled -}}
{{- range .Values.ingress.tls -}}
{{- $hosts = concat $hosts .hosts -}}
{{- end -}}
{{- end -}}
{{- $hosts | toJson -}}
{{- end }}

{{/*
MLflow compares the whole Host header, port included, and a list replaces its own defaults. So: every name of
the Service and every external host with any port, the loopback names that `kubectl port-forward` uses, and the
pod's IP address, which Prometheus uses to scrape /metrics.
*/}}
{{- define "mlflow-stack.allowedHosts" -}}
{{- $hosts := list -}}
{{- range concat (include "mlflow-stack.serviceNames" . | fromJsonArray) (list "localhost" "127.0.0.1") (include "mlflow-stack.externalHosts" . | fromJsonArray) -}}
{{- $hosts = concat $hosts (list . (printf "%s:*" .)) -}}
{{- end -}}
{{- concat $hosts (list "$(POD_IP):5000") .Values.server.allowedHosts | join "," -}}
{{- end }}

{{/* Browsers send the Origin header with every write, also to the page's own server. */}}
{{- define "mlflow-stack.corsAllowedOrigins" -}}
{{- $origins := list -}}
{{- range include "mlflow-stack.serviceNames" . | fromJsonArray -}}
{{- $origin := printf "%s://%s" (include "mlflow-stack.scheme" $) . -}}
{{- $origins = concat $origins (list $origin (printf "%s:*" $origin)) -}}
{{- end -}}
{{- $tlsHosts := include "mlflow-stack.tlsHosts" . | fromJsonArray -}}
{{- range $host := include "mlflow-stack.externalHosts" . | fromJsonArray -}}
{{- range ternary (list "https") (list "https" "http") (has $host $tlsHosts) -}}
{{- $origins = concat $origins (list (printf "%s://%s" . $host) (printf "%s://%s:*" . $host)) -}}
{{- end -}}
{{- end -}}
{{- concat $origins .Values.server.corsAllowedOrigins | join "," -}}
{{- end }}

{{/* All variables that a server gets from this chart. */}}
{{- define "mlflow-stack.serverEnvironment" -}}
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
{{ include "mlflow-stack.databaseEnvironment" . }}
{{ include "mlflow-stack.storeEnvironment" . }}
{{ include "mlflow-stack.webhooksEnvironment" . }}
{{- include "mlflow-stack.authEnvironment" . }}
- name: MLFLOW_SERVER_ALLOWED_HOSTS
  value: {{ include "mlflow-stack.allowedHosts" . | quote }}
- name: MLFLOW_SERVER_CORS_ALLOWED_ORIGINS
  value: {{ include "mlflow-stack.corsAllowedOrigins" . | quote }}
# Nine more processes and 1.5 GB for scorers of language models, which this stack does not run.
- name: MLFLOW_SERVER_ENABLE_JOB_EXECUTION
  value: "false"
# There is no git in the image, and the server needs none.
- name: GIT_PYTHON_REFRESH
  value: quiet
{{- end }}

{{/* Values for the operator's chart, as a JSON list: the connection Secret, and existing Secrets that it does not cover. */}}
{{- define "mlflow-stack.operatorValues" -}}
{{- $values := list (printf "connection.secretName=%s-davit-connection" (include "mlflow-stack.fullname" .)) -}}
{{- if and (include "mlflow-stack.store.isListedByDavit" .) .Values.store.existingSecret -}}
{{- $values = append $values (printf "store.secretName=%s" .Values.store.existingSecret) -}}
{{- end -}}
{{- if and .Values.auth.enabled .Values.auth.existingSecret -}}
{{- $values = append $values (printf "registry.secretName=%s" .Values.auth.existingSecret) -}}
{{- end -}}
{{- if and .Values.tls.enabled .Values.tls.existingSecret -}}
{{- $values = append $values (printf "caSecretName=%s" .Values.tls.existingSecret) -}}
{{- else if and .Values.store.caSecret (not .Values.tls.enabled) -}}
{{- $values = append $values (printf "caSecretName=%s" .Values.store.caSecret) -}}
{{- end -}}
{{- if and .Values.webhooks.enabled .Values.webhooks.existingSecret -}}
{{- $values = append $values (printf "webhook.secretName=%s" .Values.webhooks.existingSecret) -}}
{{- end -}}
{{- $values | toJson -}}
{{- end }}

{{/* The components that are unavailable while their only pod restarts, as a JSON list. */}}
{{- define "mlflow-stack.singleInstances" -}}
{{- $single := list -}}
{{- if eq .Values.database.kind "bundled" -}}
{{- $single = append $single "the bundled PostgreSQL (database.kind)" -}}
{{- end -}}
{{- if eq .Values.store.kind "bundled" -}}
{{- $single = append $single "the bundled S3 store (store.kind)" -}}
{{- end -}}
{{- $single | toJson -}}
{{- end }}
