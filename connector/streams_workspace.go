package connector

import "source-intercom/intercom"

var (
	activityLogs = &Feed{Name: "activity_logs", Walk: walkActivityLogs, Path: "/admins/activity_logs", Rows: "activity_logs", PerPage: 250, Cursor: "created_at",
		Probe: "/admins/activity_logs?created_at_after=4102444800&created_at_before=4102444801&per_page=1"}
	activityLogEventTypes = &Feed{Name: "activity_log_event_types", Walk: walkList, Path: "/admins/activity_log_event_types", Rows: "event_types", Entry: "name", Feature: true}
	admins                = &Feed{Name: "admins", Walk: walkList, Path: "/admins", Rows: "admins"}
	teams                 = &Feed{Name: "teams", Walk: walkList, Path: "/teams", Rows: "teams"}
	awayReasons           = &Feed{Name: "away_status_reasons", Walk: walkList, Path: "/away_status_reasons", Rows: "data", Feature: true}
	brands                = &Feed{Name: "brands", Walk: walkList, Path: "/brands", Rows: "data", Feature: true}
	emails                = &Feed{Name: "emails", Walk: walkList, Path: "/emails", Rows: "data", Feature: true}
	officeHours           = &Feed{Name: "office_hours_schedules", Walk: walkList, Path: "/office_hours_schedules", Rows: "data", Feature: true}
	dataConnectors        = &Feed{Name: "data_connectors", Walk: walkList, Path: "/data_connectors?per_page=50", Rows: "data", Feature: true}
	workspace             = &Feed{Name: "workspace", Walk: walkList, Path: "/me", Rows: "app", Single: true}
)

const (
	readAdmins      = "Read admins"
	readOfficeHours = "Read and write office hours"
)

// workspaceStreams are the workspace itself, its teammates and its settings.
var workspaceStreams = []Stream{
	{Name: "workspace", Feed: workspace, Key: []string{"id_code"},
		Permission: readAdmins, Method: "read in full"},
	{Name: "activity_logs", Feed: activityLogs, Key: []string{"id"}, Cursor: "created_at",
		Permission: "Read admin activity logs", Method: "server-side time windows"},
	{Name: "activity_log_event_types", Feed: activityLogEventTypes, Key: []string{"name"}, Since: intercom.V2_16,
		Permission: "Read admin activity logs", Method: "read in full"},
	{Name: "admins", Feed: admins, Key: []string{"id"},
		Permission: readAdmins, Method: "read in full"},
	{Name: "away_status_reasons", Feed: awayReasons, Key: []string{"id"}, Since: intercom.V2_14,
		Permission: readAdmins, Method: "read in full"},
	{Name: "teams", Feed: teams, Key: []string{"id"},
		Permission: readAdmins, Method: "read in full"},
	{Name: "team_members", Feed: teams, Cut: &cut{at: []string{"admin_ids"}, entry: "admin_id"}, Parent: "team", Key: []string{"team_id", "admin_id"},
		Permission: readAdmins, Method: "read in full"},
	{Name: "team_metrics", Feed: teams, Child: fetchList, Endpoint: "/teams/{id}/metrics", Rows: "data", Parent: "team", Key: []string{"team_id", "admin_id"}, Since: intercom.V2_16, Costly: true,
		Permission: readAdmins, Method: "a snapshot in each run, one call for each team"},
	{Name: "brands", Feed: brands, Key: []string{"id"}, Since: intercom.V2_15,
		Permission: readAdmins, Method: "read in full"},
	{Name: "emails", Feed: emails, Key: []string{"id"}, Since: intercom.V2_15,
		Permission: readAdmins, Method: "read in full"},
	{Name: "office_hours_schedules", Feed: officeHours, Key: []string{"id"}, Since: intercom.V2_16,
		Permission: readOfficeHours, Method: "read in full"},
	{Name: "office_hours_exceptions", Feed: officeHours, Child: fetchList, Endpoint: "/office_hours_schedules/{id}/office_hours_exceptions", Rows: "data", Parent: "office_hours_schedule",
		Key: []string{"office_hours_schedule_id", "id"}, Since: intercom.V2_16,
		Permission: readOfficeHours, Method: "read in full, one call for each schedule"},
	{Name: "data_connectors", Feed: dataConnectors, Key: []string{"id"}, Since: intercom.V2_16,
		Permission: "Read data connectors", Method: "read in full"},
	{Name: "data_connector_executions", Feed: dataConnectors, Child: fetchExecutions, Endpoint: "/data_connectors/{id}/execution_results?per_page=30", Rows: "data", Every: true, Parent: "data_connector",
		Key: []string{"data_connector_id", "id"}, Cursor: "created_at", Since: intercom.V2_16, Costly: true,
		Permission: "Read data connectors", Method: "server-side: what came since, one call or more for each connector"},
}
