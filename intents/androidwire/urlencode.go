package androidwire

import "unicode/utf8"

// urlEncoded is java.net.URLEncoder.encode in UTF-8: form encoding that leaves
// letters, digits and .-*_ as they are.
func urlEncoded(s *string) *string {
	if s == nil {
		return nil
	}
	const hex = "0123456789ABCDEF"
	out := make([]byte, 0, len(*s)+len(*s)/2)
	for _, r := range *s {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '-', r == '*', r == '_':
			out = append(out, byte(r))
		case r == ' ':
			out = append(out, '+')
		default:
			var buf [utf8.UTFMax]byte
			for _, b := range buf[:utf8.EncodeRune(buf[:], r)] {
				out = append(out, '%', hex[b>>4], hex[b&15])
			}
		}
	}
	return new(string(out))
}
