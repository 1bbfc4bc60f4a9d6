package schema

import "sync"

// formats are those that are enforced, as regular expressions for texts of theirs: not for all, but
// for those that every reader takes. There are no leap seconds and no year 0, and addresses and
// names have a length that is within all limits.
var formats = map[string]string{
	"date":         "^" + date + "$",
	"time":         "^" + clock + "$",
	"date-time":    "^" + date + "T" + clock + "$",
	"duration":     `^P([0-9]{1,4}W|` + days + `(T` + hours + `)?|T` + hours + `)$`,
	"uuid":         `^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`,
	"ipv4":         `^` + octet + `(\.` + octet + `){3}$`,
	"ipv6":         `^([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}$`,
	"hostname":     `^` + host + `$`,
	"email":        `^[A-Za-z0-9_+-]{1,16}(\.[A-Za-z0-9_+-]{1,16}){0,2}@` + host + `$`,
	"uri":          `^https?://` + host + `(:[1-9][0-9]{0,3})?(/[A-Za-z0-9._~-]{0,32}){0,4}(\?[A-Za-z0-9._~=&-]{0,32})?(#[A-Za-z0-9._~-]{0,32})?$`,
	"json-pointer": `^(/([^~/\\"]|~[01])*)*$`,
}

// ofFormat is a format's automaton, made when first asked for.
var ofFormat = func() map[string]func() (*automaton, error) {
	made := map[string]func() (*automaton, error){}
	for name, pattern := range formats {
		made[name] = sync.OnceValues(func() (*automaton, error) { return matching(pattern, newBudget()) })
	}
	return made
}()

const (
	date = `(([1-9][0-9]{3})-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|` +
		`([1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00)-02-29)`
	clock = `([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])`
	days  = `([0-9]{1,4}Y([0-9]{1,4}M([0-9]{1,4}D)?)?|[0-9]{1,4}M([0-9]{1,4}D)?|[0-9]{1,4}D)`
	hours = `([0-9]{1,4}H([0-9]{1,4}M([0-9]{1,4}S)?)?|[0-9]{1,4}M([0-9]{1,4}S)?|[0-9]{1,4}S)`
	octet = `(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])`
	host  = `[a-z0-9](-?[a-z0-9]){0,30}(\.[a-z0-9](-?[a-z0-9]){0,30}){0,2}\.[a-z]{2,12}`
)
