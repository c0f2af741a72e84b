{{/*
Conflicts in the values of database and store, as a JSON list of messages that name both values: they contradict each
other, or one requires the other. The schema checks single values only.
*/}}
{{- define "mlflow-stack.backendConflicts" -}}
{{- $database := include "mlflow-stack.databaseConflicts" . | fromJsonArray -}}
{{- $store := include "mlflow-stack.storeConflicts" . | fromJsonArray -}}
{{- concat $database $store (include "mlflow-stack.volumeConflicts" . | fromJsonArray) | toJson -}}
{{- end }}

{{/*
Values that are set although the kind does not use them. Call: (list "section" kind rows), each row a list of the
value's name, the value, and the kinds that use it.
*/}}
{{- define "mlflow-stack.unusedValues" -}}
{{- $section := index . 0 -}}
{{- $kind := index . 1 -}}
{{- $wrong := list -}}
{{- range $row := index . 2 -}}
{{- $kinds := index $row 2 -}}
{{- if and (index $row 1) (not (has $kind $kinds)) -}}
{{- $wrong = append $wrong (printf "%s.%s is %v, which %s.kind=%s does not use: remove it, or choose %s" $section (index $row 0) (index $row 1) $section $kind (join " or " $kinds)) -}}
{{- end -}}
{{- end -}}
{{- $wrong | toJson -}}
{{- end }}

{{- define "mlflow-stack.databaseConflicts" -}}
{{- $d := .Values.database -}}
{{- $servers := list "postgresql" "mysql" -}}
{{- $rows := list
  (list "host" $d.host $servers)
  (list "port" $d.port $servers)
  (list "tls.mode" $d.tls.mode $servers)
  (list "tls.caSecret" $d.tls.caSecret $servers)
  (list "existingSecret" $d.existingSecret (prepend $servers "bundled"))
  (list "persistence.existingClaim" $d.persistence.existingClaim (list "sqlite"))
  (list "persistence.storageClassName" $d.persistence.storageClassName (list "sqlite"))
-}}
{{- $wrong := include "mlflow-stack.unusedValues" (list "database" $d.kind $rows) | fromJsonArray -}}
{{- if and .Values.auth.enabled (eq $d.kind "mysql") -}}
{{- $wrong = append $wrong "auth.enabled is true and database.kind is mysql: MLflow cannot create its tables of users there, since two of their foreign keys have the same name; use PostgreSQL, or authenticate users in a proxy" -}}
{{- end -}}
{{- if has $d.kind $servers -}}
{{- if not $d.host -}}
{{- $wrong = append $wrong (printf "database.kind is %s and database.host is empty: set it to the server's host name" $d.kind) -}}
{{- end -}}
{{- if not $d.existingSecret -}}
{{- $wrong = append $wrong (printf "database.kind is %s and database.existingSecret is empty: set it to a Secret with the key password" $d.kind) -}}
{{- end -}}
{{- if and $d.tls.caSecret (not (hasPrefix "verify-" $d.tls.mode)) -}}
{{- $wrong = append $wrong (printf "database.tls.caSecret is %s and database.tls.mode is %q, which checks no certificate: choose verify-full or verify-ca" $d.tls.caSecret $d.tls.mode) -}}
{{- end -}}
{{- end -}}
{{- $wrong | toJson -}}
{{- end }}

{{- define "mlflow-stack.storeConflicts" -}}
{{- $s := .Values.store -}}
{{- $rows := list
  (list "endpoint" $s.endpoint (list "s3" "gcs"))
  (list "caSecret" $s.caSecret (list "s3"))
  (list "azure.account" $s.azure.account (list "azure"))
  (list "existingSecret" $s.existingSecret (list "bundled" "s3" "azure" "gcs"))
  (list "persistence.existingClaim" $s.persistence.existingClaim (list "volume"))
  (list "persistence.storageClassName" $s.persistence.storageClassName (list "volume"))
-}}
{{- $wrong := include "mlflow-stack.unusedValues" (list "store" $s.kind $rows) | fromJsonArray -}}
{{- if and (eq $s.kind "azure") (not $s.azure.account) -}}
{{- $wrong = append $wrong "store.kind is azure and store.azure.account is empty: set it to the storage account" -}}
{{- end -}}
{{- if and $s.serviceAccount.name $s.serviceAccount.annotations -}}
{{- $wrong = append $wrong (printf "store.serviceAccount.name is %s, an existing account, and store.serviceAccount.annotations are for one that the chart creates: annotate the existing one, or remove the name" $s.serviceAccount.name) -}}
{{- end -}}
{{- if and (eq $s.kind "gcs") $s.endpoint $s.existingSecret -}}
{{- $wrong = append $wrong (printf "store.endpoint is %s, an emulator, and store.existingSecret is %s, which emulators do not use: remove one" $s.endpoint $s.existingSecret) -}}
{{- end -}}
{{- $wrong | toJson -}}
{{- end }}

{{/* Several servers on one file, or on a volume of one node. The schema rejects the same replicas with a shorter message. */}}
{{- define "mlflow-stack.volumeConflicts" -}}
{{- $wrong := list -}}
{{- $several := list -}}
{{- if gt (int .Values.server.replicas) 1 -}}
{{- $several = append $several (printf "server.replicas is %v" .Values.server.replicas) -}}
{{- end -}}
{{- if .Values.autoscaling.enabled -}}
{{- $several = append $several "autoscaling.enabled is true" -}}
{{- end -}}
{{- range $several -}}
{{- if eq $.Values.database.kind "sqlite" -}}
{{- $wrong = append $wrong (printf "%s and database.kind is sqlite, which serves one server: choose another kind" .) -}}
{{- else if include "mlflow-stack.server.isExclusive" $ -}}
{{- $wrong = append $wrong (printf "%s and store.persistence.accessMode is %s: several servers need ReadWriteMany" . $.Values.store.persistence.accessMode) -}}
{{- end -}}
{{- end -}}
{{- range $name, $persistence := dict "database" .Values.database.persistence "store" .Values.store.persistence -}}
{{- if and $persistence.existingClaim $persistence.storageClassName -}}
{{- $wrong = append $wrong (printf "%s.persistence.existingClaim is %s and %s.persistence.storageClassName is %s: an existing claim has a class already; set one of them" $name $persistence.existingClaim $name $persistence.storageClassName) -}}
{{- end -}}
{{- end -}}
{{- $wrong | toJson -}}
{{- end }}
