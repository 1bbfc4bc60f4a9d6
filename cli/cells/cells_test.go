package cells

import (
	"slices"
	"strings"
	"testing"
)

// What tmux 3.3a's cursor says of a text, but of emoji sequences, which it counts rune by rune.
func TestWidth(t *testing.T) {
	for s, want := range map[string]int{
		"": 0, "abc": 3, "Việt Nam": 8, "Vie\u0302\u0323t": 4, "日本語": 6, "한국": 4, "\u1112\u1161\u11ab": 2, "ﾎﾞ": 2,
		"กำ": 2, "ที่": 1, "เก่า": 3, "สวัสดี": 4, "ກຳ": 2, "ສະບາຍດີ": 6,
		"ကာ": 2, "ကေ": 2, "ကျွန်တော်": 6, "မန္တလေး": 6, "ខ្ញុំ": 2, "ស្ត្រី": 3, "កាំ": 2, "ខ\u200bគ": 2,
		"की": 2, "क्षि": 3, "हिन्दी": 5, "தமிழ்": 4,
		"🇹🇭": 2, "👨‍👩‍👧": 2, "👍🏽": 2, "1️⃣": 2, "❤️": 2, "❤": 1, "🏴󠁧󠁢󠁥󠁮󠁧󠁿": 2, "⚠️": 2, "…": 1, "①": 1, "a\tb": 2, "\x1b": 0,
	} {
		if got := Width(s); got != want {
			t.Errorf("%q takes %d cells, want %d", s, got, want)
		}
	}
}

func clusters(s string) (all []string) {
	for s != "" {
		cluster, _ := Next(s)
		all, s = append(all, cluster), s[len(cluster):]
	}
	return all
}

func TestClusters(t *testing.T) {
	for s, want := range map[string]string{
		"ที่นี่": "ที่ นี่", "น้ำ": "น้ำ", "เก่า": "เ ก่ า", "ຂ້ອຍ": "ຂ້ ອ ຍ", "ខ្ញុំទៅ": "ខ្ញុំ ទៅ", "မန္တလေး": "မ န္တ လေ း",
		"क्षमा": "क्ष मा", "e\u0302\u0323a": "e\u0302\u0323 a", "\u1112\u1161\u11ab가": "\u1112\u1161\u11ab 가",
		"🇹🇭🇻🇳": "🇹🇭 🇻🇳", "👨‍👩‍👧👍🏽": "👨‍👩‍👧 👍🏽", "a1️⃣": "a 1️⃣", "ខ\u200bគ": "ខ \u200b គ",
	} {
		if got := strings.Join(clusters(s), " "); got != want {
			t.Errorf("%q is %q, want %q", s, got, want)
		}
	}
}

func TestPieces(t *testing.T) {
	for s, want := range map[string]string{
		"two words, foo-bar": "two |words, |foo-|bar", "d’accord": "d’accord", "ngôn ngữ": "ngôn |ngữ",
		"สวัสดีเด็ก ๆ ไป": "ส|วัส|ดี|เด็ก ๆ |ไป", "ศุกร์": "ศุกร์", "กะทิ": "กะ|ทิ", "ฯลฯ": "ฯ|ลฯ", "ราคา 100": "รา|คา |100", "(ไทย)": "(ไท|ย)",
		"ສະບາຍ": "ສະ|ບາ|ຍ", "ខ្ញុំទៅសាលា។": "ខ្ញុំ|ទៅ|សា|លា។", "ចាប់": "ចាប់", "ខ្ញុំ\u200bទៅ": "ខ្ញុំ\u200b|ទៅ",
		"ကျွန်တော်": "ကျွန်|တော်", "မန္တလေးက": "မန္တ|လေး|က", "မြန်မာ။": "မြန်|မာ။",
		"日本語、です。": "日|本|語、|で|す。", "한국 말": "한|국 |말", "🇹🇭🇻🇳": "🇹🇭|🇻🇳",
	} {
		if got := strings.Join(slices.Collect(Pieces(s)), "|"); got != want {
			t.Errorf("%q is %q, want %q", s, got, want)
		}
	}
}

func TestBreak(t *testing.T) {
	for _, c := range []struct {
		s     string
		width int
		want  string
	}{
		{"one two three", 20, "one two three"}, {"one two three", 8, "one two "}, {"one two three", 7, "one two "}, {"one two three", 6, "one "},
		{"abcdefgh", 3, "abc"}, {"日本語", 1, "日"}, {"日本語", 5, "日本"}, {"สวัสดีครับ", 4, "สวัสดี"}, {"สวัสดีครับ", 3, "สวัส"}, {"เกม", 1, "เ"},
		{"ខ្ញុំ\u200bទៅ", 3, "ខ្ញុំ\u200b"}, {"", 5, ""}, {"a", 0, "a"}, {"x 👨‍👩‍👧👨‍👩‍👧", 4, "x 👨‍👩‍👧"},
	} {
		if got := c.s[:Break(c.s, c.width)]; got != c.want {
			t.Errorf("%q in %d cells: %q, want %q", c.s, c.width, got, c.want)
		}
	}
}

func TestTabStop(t *testing.T) {
	for col, want := range map[int]int{0: 8, 1: 8, 7: 8, 8: 16} {
		if got := TabStop(col); got != want {
			t.Errorf("a tab at %d goes to %d", col, got)
		}
	}
}

func ends(s string) (all []int) {
	n := 0
	for _, cluster := range clusters(s) {
		n += len(cluster)
		all = append(all, n)
	}
	return all
}

// Pieces and clusters make up the text; what Break cuts off fits, or is one cluster.
func FuzzBreak(f *testing.F) {
	for _, s := range []string{"สวัสดีครับ ยินดี", "ខ្ញុំ\u200bទៅ", "👨‍👩‍👧🇹🇭x y", "က\u1039", "\u0e40\u200d\xff", "a\r\nb"} {
		f.Add(s, 5)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		s = strings.ToValidUTF8(s, "\ufffd")
		if got := strings.Join(slices.Collect(Pieces(s)), ""); got != s {
			t.Errorf("pieces of %q: %q", s, got)
		}
		n := Break(s, width)
		if n == 0 && s != "" {
			t.Fatalf("%q in %d cells: nothing", s, width)
		}
		line := s[:n]
		cluster, _ := Next(line)
		if w := Width(strings.TrimRight(line, " \u200b")); w > width && line != cluster {
			t.Errorf("%q in %d cells: %q takes %d", s, width, line, w)
		}
		if !slices.Contains(ends(s), n) && s != "" {
			t.Errorf("%q in %d cells is cut within a cluster at %d", s, width, n)
		}
	})
}
