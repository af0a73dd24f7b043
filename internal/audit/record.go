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

// field is one fact of an event, with its names in the journal and in JSON.
type field struct{ journal, json, value string }

// fields returns the facts of an event. docs/reference/audit-records.md lists the names.
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

// Format is the form of an event's message.
type Format int

// The formats: the event's text, or the whole event as one JSON object.
const (
	Text Format = iota
	JSON
)

// message returns the event on one line.
func (f Format) message(e Event, now time.Time) string {
	if f == JSON {
		return jsonObject(e, now)
	}
	return e.Text
}

// ecsVersion is the version of the Elastic Common Schema that defines the JSON fields.
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
	encoder.SetEscapeHTML(false) // log records are not shown in browsers unescaped
	_ = encoder.Encode(object)   // strings and numbers can always be encoded
	return strings.TrimSuffix(text.String(), "\n")
}

// journalEntry returns a datagram for journald
// (https://systemd.io/JOURNAL_NATIVE_PROTOCOL). It is far shorter than the limit of any
// socket, so the protocol's workaround for long entries is not needed.
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

// appendJournalField appends a field. A value that contains a newline is preceded by its
// length, because a newline would otherwise end the value.
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
