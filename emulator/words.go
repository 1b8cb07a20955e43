package emulator

// Vocabulary of the generated data. Everything is invented; domains are reserved for examples.
var (
	firstNames = []string{"Ada", "Bo", "Chiamaka", "Dmitri", "Élodie", "Farah", "Goran", "Hana", "Ibrahim", "José", "Køhler", "李娜", "Miro", "नेहा", "أمل", "Zoë"}
	lastNames  = []string{"Abara", "Brandvold", "Castellano", "Dvořák", "Ehrling", "Fontaine", "Grünwald", "Håkonsen", "Ivashko", "Jambor", "Ó Laoghaire", "Quispe"}
	nouns      = []string{"Anvil", "Beacon", "Cinder", "Drift", "Ember", "Fjord", "Gable", "Harbor", "Inlet", "Juniper", "Kiln", "Lantern"}
	trades     = []string{"Analytics", "Bakery", "Freight", "Health", "Labs", "Outfitters", "Press", "Robotics"}
	industries = []string{"Software", "Logistics", "Retail", "Manufacturing", "Health care"}
	plans      = []string{"Free", "Starter", "Growth", "Scale"}
	countries  = [][4]string{ // country, region, city, country code
		{"Ireland", "Dublin", "Dublin", "IRL"}, {"Norway", "Vestland", "Bergen", "NOR"}, {"Brazil", "Bahia", "Salvador", "BRA"},
		{"Japan", "Kyoto", "Kyoto", "JPN"}, {"Australia", "Tasmania", "Hobart", "AUS"}, {"United States", "Ohio", "Dayton", "USA"},
	}
	tagNames = []string{"vip", "bug", "billing", "feature request", "churn risk", "Prüfung ✅", "follow-up", "spam?"}

	subjects = []string{"", "Cannot log in", "Invoice &amp; receipt", "Question about limits", "עזרה עם החשבון", "Export fails 😕", "Re: your \"quote\""}
	bodies   = []string{
		"<p>Hello, how are you?</p>",
		"<p>Prices &lt; 10 &amp; taxes &gt; 5%: is that right?</p>\n<p>Thanks</p>",
		"<p>Das geht nicht. Größe überschritten – bitte prüfen!</p>",
		"<p dir=\"rtl\">شكرا لكم على المساعدة</p>",
		"<p>It works now 🎉👩‍💻</p><ul><li>one</li><li>two</li></ul>",
		"<p>See <a href=\"https://docs.example.com/a?b=1&amp;c=2\">the guide</a> and C:\\temp\\log.txt</p>",
		"<p>请帮我重置密码。</p>",
		"<p>Fine.</p><br><p>\tIndented, with \"quotes\".</p>",
	}
	nulBody = "<p>pasted\x00text</p>"

	// partTypes are the event-like parts; comments and notes are drawn apart from them.
	partTypes = []string{
		"assignment", "close", "open", "assign_and_reopen", "snoozed", "unsnoozed", "timer_unsnooze", "participant_added",
		"participant_removed", "away_mode_assignment", "conversation_attribute_updated_by_admin",
		"conversation_attribute_updated_by_workflow", "custom_action_started", "custom_action_finished",
		"operator_workflow_event", "quick_reply", "conversation_rating_changed", "conversation_rating_remark_added",
		"conversation_tags_updated", "conversation_sla_applied_by_workflow", "conversation_sla_target_missed",
		"priority_changed", "call_summary", "language_detection_details",
	}
	sourceTypes  = []string{"conversation", "email", "whatsapp", "instagram", "facebook", "sms", "phone_call", "push", "twitter", "phone_switch"}
	ticketStates = [...]string{"submitted", "in_progress", "waiting_on_customer", "resolved"}
	stateLabels  = [...]string{"Submitted", "In progress", "Waiting on customer", "Resolved"}
	categories   = []string{"Customer", "Back-office", "Tracker"}
)
