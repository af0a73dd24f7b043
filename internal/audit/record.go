package audit

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// field is one fact of an event, under its name in the journal and in JSON.
type field struct{ journal, json, value string }

// fields returns what is known of an event. The names are those of
// docs/reference/audit-records.md.
func (e Event) fields() []field {
	return slices.DeleteFunc([]field{
		{"EIC_ACTION", "event.action", e.Kind.String()},
		{"EIC_REASON", "event.reason", e.Reason},
		{"EIC_USER", "user.name", e.User},
		{"EIC_FINGERPRINT", "eic.key.fingerprint", e.Fingerprint},
		{"EIC_KEY_TYPE", "eic.key.type", e.KeyType},
		{"EIC_REQUEST_ID", "aws.request_id", e.Request},
		{"EIC_CALLER", "eic.caller", e.Caller},
		{"EIC_INSTANCE", "cloud.instance.id", e.Instance},
		{"EIC_DETAIL", "error.message", e.Detail},
	}, func(f field) bool { return f.value == "" })
}

// Format is how an event's message is written.
type Format int

// The formats: the event's text, or all of it as one JSON object.
const (
	Text Format = iota
	JSON
)

// message returns the event in one line.
func (f Format) message(e Event, now time.Time) string {
	if f == JSON {
		return jsonObject(e, now)
	}
	return e.Text
}

// ecsVersion is that of the Elastic Common Schema which has the fields in use.
const ecsVersion = "8.11.0"

func jsonObject(e Event, now time.Time) string {
	outcome := "failure"
	if e.Kind == KeyPrinted || e.Kind == MorePrinted {
		outcome = "success"
	}
	object := map[string]any{
		"@timestamp":     now.UTC().Format("2006-01-02T15:04:05.000Z07:00"),
		"log.level":      e.Severity.String(),
		"message":        e.Text,
		"ecs.version":    ecsVersion,
		"event.kind":     "event",
		"event.category": []string{"authentication"},
		"event.type":     []string{"info"},
		"event.outcome":  outcome,
		"service.name":   tag,
		"process.pid":    os.Getpid(),
	}
	for _, f := range e.fields() {
		object[f.json] = f.value
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // nobody shows a log record to a browser unescaped
	_ = encoder.Encode(object)   // strings and numbers always can be
	return strings.TrimSuffix(text.String(), "\n")
}

// journalEntry returns a datagram for journald
// (https://systemd.io/JOURNAL_NATIVE_PROTOCOL). It is far shorter than any
// socket's bound, so the protocol's way around that is not needed.
func journalEntry(e Event, message string) []byte {
	var entry []byte
	add := func(name, value string) { entry = appendJournalField(entry, name, value) }
	add("MESSAGE", message)
	add("MESSAGE_ID", kinds[e.Kind].messageID)
	add("PRIORITY", strconv.Itoa(int(e.Severity)))
	add("SYSLOG_FACILITY", strconv.Itoa(facilityAuthpriv))
	add("SYSLOG_IDENTIFIER", tag)
	for _, f := range e.fields() {
		add(f.journal, f.value)
	}
	return entry
}

// appendJournalField writes a value with its length before it if it has a
// newline, since otherwise a newline ends it.
func appendJournalField(entry []byte, name, value string) []byte {
	entry = append(entry, name...)
	if strings.Contains(value, "\n") {
		entry = append(entry, '\n')
		entry = binary.LittleEndian.AppendUint64(entry, uint64(len(value)))
	} else {
		entry = append(entry, '=')
	}
	entry = append(entry, value...)
	return append(entry, '\n')
}
