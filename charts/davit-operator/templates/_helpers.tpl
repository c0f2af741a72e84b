{{- define "davit-operator.fullname" -}}
{{- .Values.fullnameOverride | default (printf "%s-operator" (.Release.Name | trunc 50 | trimSuffix "-")) -}}
{{- end }}

{{- define "davit-operator.selectorLabels" -}}
app.kubernetes.io/name: davit-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "davit-operator.labels" -}}
{{ include "davit-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: davit
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- end }}

{{/* An image reference. Call: (list $ .Values.image) */}}
{{- define "davit-operator.image" -}}
{{- $image := index . 1 -}}
{{- printf "%s:%s" $image.repository ($image.tag | default (index . 0).Chart.AppVersion) | quote -}}
{{- end }}

{{- /* Manifests by image, as JSON. */ -}}
{{- define "davit-operator.runtimes" -}}
{{- $serverImage := include "davit-operator.image" (list . .Values.serverImage) | trimAll "\"" -}}
{{- $manifests := dict -}}
{{- range .Values.runtimes -}}
{{- $_ := set $manifests (.image | default $serverImage) .manifest -}}
{{- end -}}
{{- toJson $manifests -}}
{{- end }}

{{- define "davit-operator.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "davit-operator.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* Rejects values that contradict each other; the message names both. */}}
{{- define "davit-operator.validate" -}}
{{- if .Values.metrics.prometheusRule.enabled -}}
  {{- range $name := list "serviceMonitor" "podMonitor" -}}
    {{- if not (get $.Values.metrics $name).enabled -}}
      {{- fail (printf "metrics.prometheusRule.enabled is true and metrics.%s.enabled is false: the alerts need the metrics that it collects; enable both" $name) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- if .Values.connection.secretName -}}
  {{- range $name, $value := dict "registry.url" .Values.registry.url "store.artifactsDestination" .Values.store.artifactsDestination "store.endpointUrl" .Values.store.endpointUrl "store.region" .Values.store.region -}}
    {{- if $value -}}
      {{- fail (printf "connection.secretName and %s contradict each other: the Secret contains the same setting; set one of them" $name) -}}
    {{- end -}}
  {{- end -}}
{{- else if not .Values.registry.url -}}
  {{- range $name, $value := dict "registry.secretName" .Values.registry.secretName "webhook.secretName" .Values.webhook.secretName -}}
    {{- if $value -}}
      {{- fail (printf "%s is set, but registry.url and connection.secretName are empty: set one of these, or remove %s" $name $name) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- end }}
