package emulator

import (
	"fmt"
	"strconv"
)

// activityLog is one entry of the admins' audit trail. Entries never change.
type activityLog struct {
	ord     int32
	s       seed
	created int64
}

func (l *activityLog) id() string {
	a, b := uint64(l.s.at(1)), uint64(l.s.at(2))
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", uint32(l.ord), a&0xffff, a>>16&0xfff, b&0xfff, b>>16)
}

func (p *printer) activity(l *activityLog) {
	n := l.s.n(3, p.w.size.Admins)
	kind := activityKinds[int(l.ord)%len(activityKinds)]
	p.obj("")
	p.str("id", l.id())
	p.obj("performed_by")
	p.str("type", "admin")
	p.str("id", strconv.Itoa(adminBase+n))
	p.str("email", adminEmail(n))
	p.str("ip", "203.0.113."+strconv.Itoa(l.s.n(4, 250)))
	p.end()
	switch {
	case p.v >= kind.since && kind.metadata != "":
		p.raw("metadata", kind.metadata)
	case p.v == v211: // which alone rules out null
		p.raw("metadata", "{}")
	default:
		p.null("metadata")
	}
	p.num("created_at", l.created)
	p.str("activity_type", kind.name)
	p.str("activity_description", p.w.adminName(n)+" did "+kind.name+".")
	p.end()
}

// activityKinds are event types that all versions know, with the metadata that such an entry can carry and the version that
// has those fields.
var activityKinds = []struct {
	name, metadata string
	since          version
}{
	{"admin_login_success", `{"sign_in_method":"email_password","external_id":null}`, v210},
	{"admin_away_mode_change", `{"away_mode":true,"away_status_reason":"Lunch 🍜","reassign_conversations":false,"source":"admin update from web - Admin id: 991267000","auto_changed":"false","update_by":991267001,"update_by_name":"Bo"}`, v210},
	{"app_name_change", `{"before":{"name":"Old"},"after":{"name":"New"}}`, v214},
	{"admin_logout", "", v210},
	{"admin_provisioned", `{"external_id":"scim-7f3a","sign_in_method":"saml"}`, v210},
	{"security_settings_change", `{"previous_state":"active","new_state":"idle","threshold_minutes":15,"last_activity_at":1700000000,"auto":true,"setting_type":"occupancy","changes":{"limit":{"before":1,"after":2}}}`, v213},
	{"app_team_membership_modification", `{"conversation_assignment_limit":20,"ticket_assignment_limit":10,"team":{"id":5017000,"name":"Team Anvil"},"team_assignment_limit":30,"enabled":true}`, v214},
	{"admin_impersonation_start", `{"consent_id":42,"expired_at":"2026-01-02T03:04:05Z"}`, v214},
	{"role_change", `{"mode":"strict","enabled":false}`, v215},
	{"bulk_export", "", v210},
}
