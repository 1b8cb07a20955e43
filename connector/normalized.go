package connector

import "encoding/json"

// A normalizedConversation is a row of normalized_conversations. What Intercom does not tell is null. docs/conversations.md
// says how each column is made.
type normalizedConversation struct {
	ConversationID    string   `json:"conversation_id"`
	UpdatedAt         *int64   `json:"updated_at"`
	ContactID         *string  `json:"contact_id"`
	ContactIDs        []string `json:"contact_ids"`
	ContactEmail      *string  `json:"contact_email"`
	CompanyID         *string  `json:"company_id"`
	CompanyExternalID *string  `json:"company_external_id"`
	CompanySource     *string  `json:"company_source"`

	CreatedAt     *int64  `json:"created_at"`
	ClosedAt      *int64  `json:"closed_at"`
	FirstClosedAt *int64  `json:"first_closed_at"`
	LastClosedAt  *int64  `json:"last_closed_at"`
	ReopenCount   *int64  `json:"reopen_count"`
	State         *string `json:"state"`
	WaitingSince  *int64  `json:"waiting_since"`
	SnoozedUntil  *int64  `json:"snoozed_until"`

	Tags   []string `json:"tags"`
	TagIDs []string `json:"tag_ids"`

	Rating            *int64  `json:"rating"`
	RatingRemark      *string `json:"rating_remark"`
	RatingRequestedAt *int64  `json:"rating_requested_at"`
	RatedAt           *int64  `json:"rated_at"`
	RatingTeammateID  *string `json:"rating_teammate_id"`
	AIRating          *int64  `json:"ai_rating"`
	AIRatingRemark    *string `json:"ai_rating_remark"`

	MessageCount        int64  `json:"message_count"`
	ContactMessageCount int64  `json:"contact_message_count"`
	AdminMessageCount   int64  `json:"admin_message_count"`
	BotMessageCount     int64  `json:"bot_message_count"`
	NoteCount           int64  `json:"note_count"`
	PartCount           *int64 `json:"part_count"`
	PartsTruncated      *bool  `json:"parts_truncated"`

	TimeToFirstReply            *int64 `json:"time_to_first_reply_seconds"`
	TimeToFirstBotReply         *int64 `json:"time_to_first_bot_reply_seconds"`
	TimeToFirstReplyOfficeHours *int64 `json:"time_to_first_reply_office_hours_seconds"`
	TimeToResolution            *int64 `json:"time_to_resolution_seconds"`
	TimeToResolutionOfficeHours *int64 `json:"time_to_resolution_office_hours_seconds"`
	HandlingTime                *int64 `json:"handling_time_seconds"`

	FirstMessageBody *string `json:"first_message_body"`
	Title            *string `json:"title"`
	Channel          *string `json:"channel"`
	DeliveredAs      *string `json:"delivered_as"`
	URL              *string `json:"url"`
	Priority         *string `json:"priority"`
	AdminAssigneeID  *string `json:"admin_assignee_id"`
	TeamAssigneeID   *string `json:"team_assignee_id"`
	SLAName          *string `json:"sla_name"`
	SLAStatus        *string `json:"sla_status"`

	AIAgentParticipated *bool   `json:"ai_agent_participated"`
	AIResolutionState   *string `json:"ai_resolution_state"`
	AILastAnswerType    *string `json:"ai_last_answer_type"`

	CustomAttributes json.RawMessage `json:"custom_attributes"`
	Quality          []string        `json:"quality"`
}

// normalizedRows is the one row of a conversation.
func normalizedRows(c *conversation, _ *Config) []any { return []any{c.normalized()} }

func (c *conversation) normalized() *normalizedConversation {
	n := &normalizedConversation{
		ConversationID: c.id, UpdatedAt: orNone(secondsOf(c.get("updated_at"))),
		ContactID: c.contactID(), ContactIDs: c.contactIDs(), ContactEmail: c.contactEmail(),
		CreatedAt: c.createdAt(), ClosedAt: c.closedAt(), FirstClosedAt: c.firstClosedAt(), LastClosedAt: c.lastClosedAt(),
		ReopenCount: c.reopenCount(), State: c.state(),
		WaitingSince: orNone(secondsOf(c.get("waiting_since"))), SnoozedUntil: orNone(secondsOf(c.get("snoozed_until"))),
		PartCount: c.partCount, PartsTruncated: c.truncated(),
		TimeToFirstReply: c.timeToFirstReply(), TimeToFirstBotReply: c.timeToFirstBotReply(),
		TimeToFirstReplyOfficeHours: numberOf(c.statistics.Get("time_to_admin_reply")),
		TimeToResolution:            c.timeToResolution(), TimeToResolutionOfficeHours: c.timeToResolutionInOfficeHours(),
		HandlingTime:     numberOf(c.statistics.Get("handling_time")),
		FirstMessageBody: c.firstMessageBody(), Title: textOf(c.get("title")),
		Channel: textOf(c.get("source.type")), DeliveredAs: textOf(c.get("source.delivered_as")), URL: textOf(c.get("source.url")),
		Priority: textOf(c.get("priority")), AdminAssigneeID: idOf(c.get("admin_assignee_id")), TeamAssigneeID: idOf(c.get("team_assignee_id")),
		SLAName: textOf(c.get("sla_applied.sla_name")), SLAStatus: textOf(c.get("sla_applied.sla_status")),
		AIAgentParticipated: flagOf(c.get("ai_agent_participated")),
		AIResolutionState:   textOf(c.get("ai_agent.resolution_state")), AILastAnswerType: textOf(c.get("ai_agent.last_answer_type")),
		Quality: c.quality(),
	}
	if attributes := c.get("custom_attributes"); attributes.IsObject() {
		n.CustomAttributes = json.RawMessage(attributes.Raw)
	}
	n.CompanyID, n.CompanyExternalID, n.CompanySource = c.company()
	n.Tags, n.TagIDs = c.tags()
	c.rate(n)
	c.count(n)
	return n
}
