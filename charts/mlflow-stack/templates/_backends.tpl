{{/*
How the pods of this chart reach the database and the store: environment, volumes, identity. Every pod that uses one
includes all of its parts. Credentials come from Secrets as variables and files, never in an argument, a URL or a
ConfigMap.
*/}}

{{/* The Secrets with credentials: the user's, or the one that this chart creates. */}}
{{- define "mlflow-stack.database.secretName" -}}
{{ .Values.database.existingSecret | default (include "mlflow-stack.postgresql.fullname" .) }}
{{- end }}

{{- define "mlflow-stack.store.secretName" -}}
{{- if or .Values.store.existingSecret (ne .Values.store.kind "bundled") -}}
{{ .Values.store.existingSecret }}
{{- else -}}
{{ include "mlflow-stack.versitygw.fullname" . }}
{{- end -}}
{{- end }}

{{/* host:port of the database server. */}}
{{- define "mlflow-stack.database.server" -}}
{{- $database := .Values.database -}}
{{- if eq $database.kind "bundled" -}}
{{ include "mlflow-stack.postgresql.fullname" . }}:5432
{{- else -}}
{{ $database.host }}:{{ $database.port | default (ternary 3306 5432 (eq $database.kind "mysql")) }}
{{- end -}}
{{- end }}

{{/*
TLS options of the two drivers. PyMySQL verifies certificate and host name as soon as CA certificates are configured;
any other of these options enables TLS.
*/}}
{{- define "mlflow-stack.database.tlsQuery" -}}
{{- $mode := .Values.database.tls.mode -}}
{{- $certificates := ternary "/run/secrets/database-ca/ca.crt" "/etc/ssl/certs/ca-certificates.crt" (ne .Values.database.tls.caSecret "") -}}
{{- $verifies := hasPrefix "verify-" $mode -}}
{{- if eq .Values.database.kind "mysql" -}}
charset=utf8mb4
{{- if $verifies }}&ssl_ca={{ $certificates }}{{ end -}}
{{- if and $mode (ne $mode "disable") (ne $mode "verify-full") }}&ssl_check_hostname=false{{ end -}}
{{- else if $mode -}}
sslmode={{ $mode }}
{{- if $verifies }}&sslrootcert={{ $certificates }}{{ end -}}
{{- end -}}
{{- end }}

{{/*
The URL of the database without its password. The driver is explicit because SQLAlchemy 2.1 reads postgresql:// as
psycopg 3, with which MLflow fails to archive versions (integer <> character varying).
*/}}
{{- define "mlflow-stack.database.uri" -}}
{{- $database := .Values.database -}}
{{- if eq $database.kind "sqlite" -}}
sqlite:////database/mlflow.db
{{- else -}}
{{- $driver := ternary "mysql+pymysql" "postgresql+psycopg2" (eq $database.kind "mysql") -}}
{{ $driver }}://{{ $database.username | urlquery }}@{{ include "mlflow-stack.database.server" . }}/{{ $database.name }}
{{- with include "mlflow-stack.database.tlsQuery" . }}?{{ . }}{{ end -}}
{{- end -}}
{{- end }}

{{/* The password is in the variable that the database's own programs read; see files/database.py. */}}
{{- define "mlflow-stack.databaseEnvironment" -}}
- name: MLFLOW_BACKEND_STORE_URI
  value: {{ include "mlflow-stack.database.uri" . | quote }}
{{- if ne .Values.database.kind "sqlite" }}
- name: {{ ternary "MYSQL_PWD" "PGPASSWORD" (eq .Values.database.kind "mysql") }}
  valueFrom:
    secretKeyRef:
      name: {{ include "mlflow-stack.database.secretName" . }}
      key: password
{{- end }}
- name: MLFLOW_DISABLE_TELEMETRY
  value: "true"
{{- end }}

{{- define "mlflow-stack.databaseVolumeMounts" -}}
{{- if eq .Values.database.kind "sqlite" }}
- name: database
  mountPath: /database
{{- end }}
{{- if .Values.database.tls.caSecret }}
- name: database-ca
  mountPath: /run/secrets/database-ca
  readOnly: true
{{- end }}
{{- end }}

{{- define "mlflow-stack.databaseVolumes" -}}
{{- if eq .Values.database.kind "sqlite" }}
- name: database
  persistentVolumeClaim:
    claimName: {{ .Values.database.persistence.existingClaim | default (printf "%s-database" (include "mlflow-stack.fullname" .)) }}
{{- end }}
{{- with .Values.database.tls.caSecret }}
- name: database-ca
  secret:
    secretName: {{ . }}
    items:
      - key: ca.crt
        path: ca.crt
{{- end }}
{{- end }}

{{/* The bundled store's name is fully qualified: presigned URLs with it are used by pods of other namespaces. */}}
{{- define "mlflow-stack.store.endpoint" -}}
{{- if eq .Values.store.kind "bundled" -}}
{{ include "mlflow-stack.scheme" . }}://{{ include "mlflow-stack.versitygw.fullname" . }}.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}:7070
{{- else -}}
{{ .Values.store.endpoint }}
{{- end -}}
{{- end }}

{{/* "true" where the store speaks S3. */}}
{{- define "mlflow-stack.store.isS3" -}}
{{- if has .Values.store.kind (list "bundled" "s3") }}true{{ end -}}
{{- end }}

{{/*
"true" where Davit's operator lists files in the store itself: an S3 store with keys and path-style addressing, the
only style that the operator supports with an endpoint.
*/}}
{{- define "mlflow-stack.store.isListedByDavit" -}}
{{- $store := .Values.store -}}
{{- $virtual := and $store.endpoint (eq $store.addressingStyle "virtual") -}}
{{- if and (include "mlflow-stack.store.isS3" .) (include "mlflow-stack.store.secretName" .) (not $virtual) }}true{{ end -}}
{{- end }}

{{/* The artifacts destination of MLflow's proxy. */}}
{{- define "mlflow-stack.store.destination" -}}
{{- $store := .Values.store -}}
{{- if eq $store.kind "azure" -}}
wasbs://{{ $store.bucket }}@{{ $store.azure.account }}.{{ $store.azure.domain }}/{{ $store.prefix }}
{{- else if eq $store.kind "gcs" -}}
gs://{{ $store.bucket }}/{{ $store.prefix }}
{{- else if eq $store.kind "volume" -}}
/artifacts/{{ $store.prefix }}
{{- else -}}
s3://{{ $store.bucket }}/{{ $store.prefix }}
{{- end -}}
{{- end }}

{{/* A variable from the store's Secret. Call: (list $ "NAME" optional) */}}
{{- define "mlflow-stack.store.secretVariable" -}}
- name: {{ index . 1 }}
  valueFrom:
    secretKeyRef:
      name: {{ include "mlflow-stack.store.secretName" (index . 0) }}
      key: {{ index . 1 }}
      {{- if index . 2 }}
      optional: true
      {{- end }}
{{- end }}

{{/* Without a Secret there are no keys: the client uses the cloud's identity of the pod's service account. */}}
{{- define "mlflow-stack.storeEnvironment" -}}
{{- $store := .Values.store -}}
{{- $secret := include "mlflow-stack.store.secretName" . -}}
- name: MLFLOW_ARTIFACTS_DESTINATION
  value: {{ include "mlflow-stack.store.destination" . }}
{{- if include "mlflow-stack.store.isS3" . }}
{{- with include "mlflow-stack.store.endpoint" . }}
- name: MLFLOW_S3_ENDPOINT_URL
  value: {{ . }}
{{- end }}
- name: MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE
  value: {{ ternary "path" $store.addressingStyle (eq $store.kind "bundled") }}
- name: AWS_DEFAULT_REGION
  value: {{ $store.region }}
{{- if include "mlflow-stack.store.caSecret" . }}
- name: AWS_CA_BUNDLE
  value: /run/secrets/store-ca/ca.crt
{{- end }}
{{- if $secret }}
{{ include "mlflow-stack.store.secretVariable" (list . "AWS_ACCESS_KEY_ID" false) }}
{{ include "mlflow-stack.store.secretVariable" (list . "AWS_SECRET_ACCESS_KEY" false) }}
{{- end }}
{{- else if and (eq $store.kind "azure") $secret }}
{{ include "mlflow-stack.store.secretVariable" (list . "AZURE_STORAGE_CONNECTION_STRING" true) }}
{{ include "mlflow-stack.store.secretVariable" (list . "AZURE_STORAGE_ACCESS_KEY" true) }}
{{- else if eq $store.kind "gcs" }}
{{- with $store.endpoint }}
- name: STORAGE_EMULATOR_HOST
  value: {{ . }}
{{- end }}
{{- if $secret }}
- name: GOOGLE_APPLICATION_CREDENTIALS
  value: /run/secrets/store/credentials.json
{{- end }}
{{- end }}
{{- end }}

{{- define "mlflow-stack.storeVolumeMounts" -}}
{{- $store := .Values.store -}}
{{- if eq $store.kind "volume" }}
- name: artifacts
  mountPath: /artifacts
{{- end }}
{{- if include "mlflow-stack.store.caSecret" . }}
- name: store-ca
  mountPath: /run/secrets/store-ca
  readOnly: true
{{- end }}
{{- if and (eq $store.kind "gcs") $store.existingSecret }}
- name: store-credentials
  mountPath: /run/secrets/store
  readOnly: true
{{- end }}
{{- end }}

{{- define "mlflow-stack.storeVolumes" -}}
{{- $store := .Values.store -}}
{{- if eq $store.kind "volume" }}
- name: artifacts
  persistentVolumeClaim:
    claimName: {{ $store.persistence.existingClaim | default (printf "%s-artifacts" (include "mlflow-stack.fullname" .)) }}
{{- end }}
{{- with include "mlflow-stack.store.caSecret" . }}
- name: store-ca
  secret:
    secretName: {{ . }}
    items:
      - key: ca.crt
        path: ca.crt
{{- end }}
{{- if and (eq $store.kind "gcs") $store.existingSecret }}
- name: store-credentials
  secret:
    secretName: {{ $store.existingSecret }}
    items:
      - key: credentials.json
        path: credentials.json
{{- end }}
{{- end }}

{{/* The service account of every pod that reads or writes the store; clouds attach an identity to it. */}}
{{- define "mlflow-stack.storeIdentity" -}}
{{- $account := .Values.store.serviceAccount -}}
{{- if or $account.name $account.annotations }}
serviceAccountName: {{ $account.name | default (include "mlflow-stack.fullname" .) }}
{{- end }}
{{- end }}

{{/* Azure's workload identity requires this label. */}}
{{- define "mlflow-stack.storeIdentityLabels" -}}
{{- if and (eq .Values.store.kind "azure") (not .Values.store.existingSecret) }}
azure.workload.identity/use: "true"
{{- end }}
{{- end }}

{{/* "true" where two servers must not run at once, since they share a volume that one node mounts: strategy Recreate. */}}
{{- define "mlflow-stack.server.isExclusive" -}}
{{- $store := .Values.store -}}
{{- if or (eq .Values.database.kind "sqlite") (and (eq $store.kind "volume") (ne $store.persistence.accessMode "ReadWriteMany")) }}true{{ end -}}
{{- end }}
