package audit

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"eic/internal/authorize"
	"eic/internal/printable"
)

// events returns an event of each kind.
func events() []Event {
	first, second := decision(authorize.Printed), decision(authorize.BadSignature)
	first.KeyType, first.Entry.Instance = "ssh-ed25519", "i-0123456789abcdef0"
	all := Decisions("alice", []authorize.Decision{first, second})
	for _, kind := range []Kind{SignerUntrusted, Unanswered, CalledWrongly} {
		all = append(all, Failure(kind, "alice", errors.New("because")))
	}
	all = append(all, Chain("/bin/list", "alice", errors.New("exit status 1")))
	flood := make([]authorize.Decision, maxRefusals+1)
	for i := range flood {
		flood[i] = decision(authorize.Expired)
	}
	grants := make([]authorize.Decision, maxGrants+1)
	for i := range grants {
		grants[i] = first
	}
	return append(all, Decisions("alice", flood)[maxRefusals], Decisions("alice", grants)[maxGrants])
}

func TestPrintedKeyAsJSON(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 34, 56, 789_000_000, time.FixedZone("somewhere", 3600))
	require.Equal(t, `{"@timestamp":"2026-11-22T11:34:56.789Z",`+
		`"aws.request_id":"f2e7c3d9",`+
		`"cloud.instance.id":"i-0123456789abcdef0",`+
		`"ecs.version":"8.11.0",`+
		`"eic.caller":"arn:aws:iam::123456789012:user/alice",`+
		`"eic.key.fingerprint":"SHA256:abc",`+
		`"eic.key.type":"ssh-ed25519",`+
		`"event.action":"key-printed",`+
		`"event.category":["authentication"],`+
		`"event.kind":"event",`+
		`"event.outcome":"success",`+
		`"event.type":["info"],`+
		`"log.level":"info",`+
		`"message":"Providing ssh key from EC2 Instance Connect with fingerprint: SHA256:abc, request-id: f2e7c3d9, for IAM principal: arn:aws:iam::123456789012:user/alice",`+
		fmt.Sprintf(`"process.pid":%d,`, os.Getpid())+
		`"service.name":"eic",`+
		`"user.name":"alice"}`, JSON.message(events()[0], now))
}

func TestBadSignatureAsJSON(t *testing.T) {
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(JSON.message(events()[1], time.Now())), &got))
	for name, want := range map[string]string{
		"event.action": "key-refused", "event.reason": "bad-signature", "event.outcome": "failure",
		"log.level": "warning", "error.message": "because", "user.name": "alice",
	} {
		require.Equal(t, want, got[name], name)
	}
	require.NotContains(t, got, "cloud.instance.id", "the instance is unverified")
}

func TestPrintedKeyInTheJournal(t *testing.T) {
	e := events()[0]
	require.Equal(t, "MESSAGE=what it says\n"+
		"MESSAGE_ID=8bc2d72dbe134682bd101075bc75ec08\n"+
		"PRIORITY=6\n"+
		"SYSLOG_FACILITY=10\n"+
		"SYSLOG_IDENTIFIER=eic\n"+
		"EIC_ACTION=key-printed\n"+
		"EIC_USER=alice\n"+
		"EIC_FINGERPRINT=SHA256:abc\n"+
		"EIC_KEY_TYPE=ssh-ed25519\n"+
		"EIC_REQUEST_ID=f2e7c3d9\n"+
		"EIC_CALLER=arn:aws:iam::123456789012:user/alice\n"+
		"EIC_INSTANCE=i-0123456789abcdef0\n", string(journalEntry(e, "what it says")))
}

// A newline in a value must not start another field.
func TestJournalFieldWithNewline(t *testing.T) {
	entry := appendJournalField(nil, "EIC_USER", "alice\nPRIORITY=0\x00")
	entry = appendJournalField(entry, "EIC_CALLER", "")
	require.Equal(t, "EIC_USER\n\x11\x00\x00\x00\x00\x00\x00\x00alice\nPRIORITY=0\x00\nEIC_CALLER=\n", string(entry))
}

// journalFields parses an entry as journald does.
func journalFields(t *testing.T, entry []byte) map[string]string {
	t.Helper()
	fields := map[string]string{}
	for len(entry) > 0 {
		end := bytes.IndexAny(entry, "=\n")
		require.Positive(t, end)
		name, separator := string(entry[:end]), entry[end]
		entry = entry[end+1:]
		length := bytes.IndexByte(entry, '\n')
		if separator == '\n' {
			length = int(binary.LittleEndian.Uint64(entry))
			entry = entry[8:]
		}
		require.NotContains(t, fields, name)
		fields[name] = string(entry[:length])
		require.Equal(t, byte('\n'), entry[length])
		entry = entry[length+1:]
	}
	return fields
}

// Whatever a forged document contains, a record has exactly the expected fields.
func FuzzRecord(f *testing.F) {
	f.Add("alice", "req", "arn:aws:iam::123456789012:user/alice", "because", "plain\ntext")
	f.Add("a\nPRIORITY=0", "\x00", "\"},{\"", "\u2028\xff", "\n")
	f.Fuzz(func(t *testing.T, user, request, caller, detail, message string) {
		d := decision(authorize.BadSignature)
		d.Entry.Request, d.Entry.Caller, d.Detail = request, caller, errors.New(detail)
		e := Decisions(user, []authorize.Decision{d})[0]
		want := map[string]string{"MESSAGE": message, "MESSAGE_ID": kinds[KeyRefused].messageID,
			"PRIORITY": "4", "SYSLOG_FACILITY": "10", "SYSLOG_IDENTIFIER": "eic"}
		var object map[string]any
		line := JSON.message(e, time.Now())
		require.NoError(t, json.Unmarshal([]byte(line), &object))
		require.Equal(t, printable.Line(line), line)
		for _, field := range e.fields() {
			want[field.journal] = field.value
			require.Equal(t, field.value, object[field.json])
		}
		require.Equal(t, want, journalFields(t, journalEntry(e, message)))
	})
}

// Queries and alerts rely on published names, which never change.
func TestDocumentationListsEveryName(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference/audit-records.md")
	require.NoError(t, err)
	document := string(text)
	seen := map[string]bool{}
	for _, e := range events() {
		id := kinds[e.Kind].messageID
		require.Regexp(t, "^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$", id)
		require.False(t, seen[id])
		seen[id] = true
		require.Contains(t, document, fmt.Sprintf("| `%s` | %s | `%s` |", e.Kind, e.Severity, id))
		for _, f := range e.fields() {
			require.Contains(t, document, fmt.Sprintf("| `%s` | `%s` |", f.journal, f.json))
		}
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(JSON.message(e, time.Now())), &object))
		for name := range object {
			require.Contains(t, document, "`"+name+"`")
		}
	}
	require.Len(t, seen, len(kinds))
	for reason := authorize.Malformed; reason <= authorize.Repeated; reason++ {
		require.Contains(t, document, "`"+reason.String()+"`")
	}
}

func TestWriterWritesTextOrJSON(t *testing.T) {
	var text, object strings.Builder
	for _, e := range events() {
		Writer{W: &text}.Write(e)
		Writer{W: &object, Format: JSON}.Write(e)
	}
	require.Regexp(t, `^info: Providing .*\nwarning: Refusing .*\nwarning: EC2 .*\nerror: EC2 `, text.String())
	lines := strings.Split(strings.TrimSuffix(object.String(), "\n"), "\n")
	require.Len(t, lines, len(events()))
	for _, line := range lines {
		require.True(t, json.Valid([]byte(line)), "%s", line)
	}
}
