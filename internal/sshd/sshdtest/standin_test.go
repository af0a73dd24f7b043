package sshdtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A StandIn must answer exactly like the recorded sshd.
func TestStandInsAnswerAsRecorded(t *testing.T) {
	const other = "AuthorizedKeysCommand /usr/bin/other %u\nAuthorizedKeysCommandUser nobody\n"
	tests := []struct {
		section, config string
		args            []string
	}{
		{"plain", "", []string{"-T"}},
		{"other command set (these lines only)", other, []string{"-T"}},
		{"Match User, no -C", "Match User bob\nX11Forwarding no\n", []string{"-T"}},
		{"Match User, -C user=bob,host=h,addr=1.2.3.4", "X11Forwarding yes\nMatch User bob\nX11Forwarding no\n", []string{"-T", "-C", "user=bob,host=h,addr=1.2.3.4"}},
		{"Match LocalPort, no -C", "Match LocalPort 2222\nX11Forwarding no\n", []string{"-T"}},
		{"Match LocalPort, full -C", "X11Forwarding yes\nMatch LocalPort 2222\nX11Forwarding no\n", []string{"-T", "-C", "user=bob,host=h,addr=1.2.3.4,laddr=5.6.7.8,lport=2222"}},
		{"principals command behind keys command", other + "AuthorizedPrincipalsCommand /bin/echo x\nAuthorizedPrincipalsCommandUser nobody\n", []string{"-T"}},
		{"-G", "", []string{"-G"}},
	}
	standIns := StandIns(t)
	require.Len(t, standIns, 9)
	for _, s := range standIns {
		for _, test := range tests {
			t.Run(s.Version+" "+test.section, func(t *testing.T) {
				root := NewTree(t, map[string]string{"etc/ssh/sshd_config": test.config})
				stdout, stderr, _ := s.Runner(root)(t.Context(), "/usr/sbin/sshd", test.args...)
				answer := strings.Split(string(stdout)+string(stderr), "\n")
				require.NotEmpty(t, s.Sections[test.section])
				for _, line := range s.Sections[test.section] {
					require.Contains(t, answer, line)
				}
			})
		}
	}
}
