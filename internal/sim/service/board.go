package service

import (
	"slices"
	"sync"
	"time"
)

// Pushed is one key that was pushed for a user.
type Pushed struct {
	User, Key, Caller, RequestID string
	// Expiry is a whole second.
	Expiry time.Time
}

// Board holds the pushed keys until they expire. The zero value is an empty board whose
// keys expire at once. A board is safe for concurrent use.
type Board struct {
	// TTL is the minimum lifetime of a key. The actual lifetime is less than one second
	// longer, because expiry times are whole seconds.
	TTL time.Duration

	mu     sync.Mutex
	pushed []Pushed
}

// Add adds a key and sets its expiry time.
func (b *Board) Add(p Pushed) {
	p.Expiry = time.Now().Add(b.TTL + time.Second - 1).Truncate(time.Second)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pushed = append(b.live(), p)
}

// For returns the keys of a user that have not expired, oldest first.
func (b *Board) For(user string) []Pushed {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []Pushed
	for _, p := range b.live() {
		if p.User == user {
			found = append(found, p)
		}
	}
	return found
}

// Users returns the names of the users that have keys, sorted.
func (b *Board) Users() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var users []string
	for _, p := range b.live() {
		users = append(users, p.User)
	}
	slices.Sort(users)
	return slices.Compact(users)
}

// live removes expired keys and returns the others.
func (b *Board) live() []Pushed {
	now := time.Now()
	b.pushed = slices.DeleteFunc(b.pushed, func(p Pushed) bool { return !p.Expiry.After(now) })
	return b.pushed
}
