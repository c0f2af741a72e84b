{{/* Parts of the pods that migrate, back up, restore and collect garbage. */}}

{{/*
A container of the MLflow image that runs a script, with the settings of database, store and backups.
Call: (list $ "name" (list "script.py" "argument") (dict "VARIABLE" "value"))
*/}}
{{- define "mlflow-stack.operations.script" -}}
{{- $root := index . 0 -}}
{{- $words := index . 2 -}}
name: {{ index . 1 }}
image: {{ include "mlflow-stack.image" (list $root.Values.server.image $root.Chart.AppVersion) }}
imagePullPolicy: {{ $root.Values.server.image.pullPolicy }}
command:
  - python
  - /scripts/{{ first $words }}
  {{- range rest $words }}
  - {{ . }}
  {{- end }}
env:
  {{- include "mlflow-stack.databaseEnvironment" $root | nindent 2 }}
  {{- include "mlflow-stack.storeEnvironment" $root | nindent 2 }}
  {{- if eq (index . 1) "migrate" }}
  {{- include "mlflow-stack.authEnvironment" $root | indent 2 }}
  {{- else }}
  {{- include "mlflow-stack.authDatabase" $root | indent 2 }}
  {{- end }}
  {{- if eq (index . 1) "collect" }}
  {{- include "mlflow-stack.clientEnvironment" $root | nindent 2 }}
  {{- end }}
  - name: GIT_PYTHON_REFRESH
    value: quiet
  - name: BACKUP_DESTINATION
    value: {{ include "mlflow-stack.backup.destination" $root }}
  - name: BACKUP_KEEP
    value: {{ $root.Values.backup.keep | quote }}
  {{- range $name, $value := index . 3 }}
  - name: {{ $name }}
    value: {{ $value | quote }}
  {{- end }}
  {{- with include "mlflow-stack.extraEnv" $root }}
  {{- . | nindent 2 }}
  {{- end }}
{{- include "mlflow-stack.extraEnvFrom" $root }}
resources:
  {{- toYaml $root.Values.server.resources | nindent 2 }}
{{ include "mlflow-stack.operations.container" $root }}
  {{- include "mlflow-stack.storeVolumeMounts" $root | indent 2 }}
  {{- if eq (index . 1) "collect" }}
  {{- include "mlflow-stack.clientVolumeMounts" $root | indent 2 }}
  {{- end }}
  {{- with include "mlflow-stack.extraVolumeMounts" $root }}
  {{- . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* A container with the database's own programs that runs a script. Call: (list $ "name" "script.sh") */}}
{{- define "mlflow-stack.operations.databasePrograms" -}}
{{- $root := index . 0 -}}
{{- $image := $root.Values.backup.image -}}
{{- if and (not $image.repository) (eq $root.Values.database.kind "mysql") -}}
{{- $image = dict "repository" "docker.io/library/mariadb" "tag" "11.4" "pullPolicy" $image.pullPolicy -}}
{{- else if not $image.repository -}}
{{- $image = $root.Values.postgresql.image -}}
{{- end -}}
name: {{ index . 1 }}
image: {{ include "mlflow-stack.image" (list $image "") }}
imagePullPolicy: {{ $image.pullPolicy }}
command: [sh, /scripts/{{ index . 2 }}]
env:
  {{- include "mlflow-stack.databaseEnvironment" $root | nindent 2 }}
resources:
  {{- toYaml $root.Values.postgresql.resources | nindent 2 }}
{{ include "mlflow-stack.operations.container" $root }}
{{- end }}

{{/* The mounts come last, so that more can follow. */}}
{{- define "mlflow-stack.operations.container" -}}
# Without a message of its own, the last lines of the log become the termination message of a failed container.
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  {{- include "mlflow-stack.containerSecurityContext" . | nindent 2 }}
volumeMounts:
  - name: scripts
    mountPath: /scripts
    readOnly: true
  - name: work
    mountPath: /work
  - name: temporary
    mountPath: /tmp
  {{- if .Values.backup.existingClaim }}
  - name: backups
    mountPath: /backups
  {{- end }}
  {{- include "mlflow-stack.databaseVolumeMounts" . | indent 2 }}
{{- end }}

{{- define "mlflow-stack.operations.volumes" -}}
- name: scripts
  configMap:
    name: {{ include "mlflow-stack.fullname" . }}-scripts
- name: temporary
  emptyDir: {}
{{ include "mlflow-stack.operations.workVolumes" . }}
{{- include "mlflow-stack.databaseVolumes" . }}
{{- include "mlflow-stack.storeVolumes" . }}
{{- with include "mlflow-stack.extraVolumes" . }}
{{ . }}
{{- end }}
{{- end }}

{{/* The volume for temporary dumps, and the one for backups. */}}
{{- define "mlflow-stack.operations.workVolumes" -}}
- name: work
  emptyDir:
    sizeLimit: {{ .Values.backup.temporaryVolumeSize }}
{{- with .Values.backup.existingClaim }}
- name: backups
  persistentVolumeClaim:
    claimName: {{ . }}
{{- end }}
{{- end }}

{{/* Settings of every pod that runs an operation. */}}
{{- define "mlflow-stack.operations.pod" -}}
{{ include "mlflow-stack.pod" . }}
{{- include "mlflow-stack.storeIdentity" . }}
{{- include "mlflow-stack.placement" .Values.server }}
{{- if include "mlflow-stack.server.isExclusive" . }}
affinity:
  # A ReadWriteOnce volume is mounted on the node of the server.
  podAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "mlflow-stack.selectorLabels" (list . "server") | nindent 14 }}
{{- end }}
restartPolicy: Never
securityContext:
  {{- include "mlflow-stack.podSecurityContext" (list 65532) | nindent 2 }}
{{- end }}

{{/* Labels and annotations of the pods. Call: (list $ "component") */}}
{{- define "mlflow-stack.operations.metadata" -}}
{{- $root := index . 0 -}}
labels:
  {{- include "mlflow-stack.selectorLabels" . | nindent 2 }}
  {{- include "mlflow-stack.storeIdentityLabels" $root | indent 2 }}
  {{- with $root.Values.jobs.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $root.Values.jobs.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/*
A Job is immutable, so its name contains the revision of the release and a hash of the pod; Helm, and GitOps tools,
which have no revisions, then remove the previous Job. Call: (list $ "migrate" "metadata of the pod" "its spec")
*/}}
{{- define "mlflow-stack.operations.jobName" -}}
{{- $root := index . 0 -}}
{{ include "mlflow-stack.fullname" $root }}-{{ index . 1 }}-{{ slice . 2 | join "," | sha256sum | trunc 6 }}-{{ $root.Release.Revision }}
{{- end }}

{{/* A URI for MLflow's artifact repositories, by default beside the artifacts. */}}
{{- define "mlflow-stack.backup.destination" -}}
{{- $store := .Values.store -}}
{{- if .Values.backup.existingClaim -}}
file:///backups/{{ .Values.backup.prefix }}
{{- else if eq $store.kind "volume" -}}
file:///artifacts/{{ .Values.backup.prefix }}
{{- else -}}
{{ trimSuffix $store.prefix (include "mlflow-stack.store.destination" .) }}{{ .Values.backup.prefix }}
{{- end -}}
{{- end }}

{{/* The init containers that dump the database. Call: (list $ "always" or "before-migration") */}}
{{- define "mlflow-stack.operations.dump" -}}
{{- $root := index . 0 -}}
{{- $prepare := list $root "prepare-dump" (list "prepare_dump.py" (index . 1)) dict -}}
- {{ include "mlflow-stack.operations.script" $prepare | nindent 2 | trim }}
{{- if ne $root.Values.database.kind "sqlite" }}
- {{ include "mlflow-stack.operations.databasePrograms" (list $root "dump" "dump_database.sh") | nindent 2 | trim }}
{{- end }}
{{- end }}

{{/* How often a Job retries; errors that a retry cannot cure end it at once. */}}
{{- define "mlflow-stack.operations.retries" -}}
backoffLimit: 3
podFailurePolicy:
  rules:
    # Exit code 3 of the scripts: a retry cannot help.
    - action: FailJob
      onExitCodes:
        operator: In
        values: [3]
{{- end }}

{{/* Settings of every CronJob; none runs while the database is being restored. */}}
{{- define "mlflow-stack.operations.cron" -}}
suspend: {{ ne .Values.restore.from "" }}
concurrencyPolicy: Forbid
startingDeadlineSeconds: 3600
successfulJobsHistoryLimit: 1
failedJobsHistoryLimit: 3
{{- end }}
