package ipa

import (
	"encoding/asn1"
	"errors"

	"howett.net/plist"
)

// Entitlements in DER, which iOS reads from version 15 on: a version and a
// dictionary. A dictionary is a list of pairs of key and value (libCoreEntitlements).
const (
	tagDictionary = 16 // of class application around all, of class context within
	maxEntitled   = 16 // levels
)

var errDER = errors.New("its entitlements in DER are broken")

// fromDER writes entitlements in DER as a property list.
func fromDER(data []byte) ([]byte, error) {
	v, _, err := element(data)
	if err != nil {
		return nil, err
	}
	var top any
	if v.Class == asn1.ClassApplication && v.Tag == tagDictionary {
		version, rest, err := element(v.Bytes)
		if err != nil || version.Tag != asn1.TagInteger {
			return nil, errDER
		}
		if v, _, err = element(rest); err != nil {
			return nil, err
		}
	}
	if top, err = value(v, 0); err != nil {
		return nil, err
	}
	if _, ok := top.(map[string]any); !ok {
		return nil, errDER
	}
	return plist.Marshal(top, plist.BinaryFormat)
}

func element(data []byte) (v asn1.RawValue, rest []byte, err error) {
	if rest, err = asn1.Unmarshal(data, &v); err != nil {
		return v, nil, errDER
	}
	return v, rest, nil
}

func value(v asn1.RawValue, depth int) (any, error) {
	if depth > maxEntitled {
		return nil, errDER
	}
	dictionary := v.Class == asn1.ClassContextSpecific && v.Tag == tagDictionary || // older signatures have a set
		v.Class == asn1.ClassUniversal && v.Tag == asn1.TagSet
	switch {
	case dictionary:
		out := map[string]any{}
		for rest := v.Bytes; len(rest) > 0; {
			pair, after, err := element(rest)
			if err != nil {
				return nil, err
			}
			rest = after
			key, of, err := element(pair.Bytes)
			if err != nil || key.Tag != asn1.TagUTF8String {
				return nil, errDER
			}
			said, _, err := element(of)
			if err != nil {
				return nil, err
			}
			if out[string(key.Bytes)], err = value(said, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case v.Class != asn1.ClassUniversal:
		return nil, errDER
	case v.Tag == asn1.TagSequence:
		out := []any{}
		for rest := v.Bytes; len(rest) > 0; {
			one, after, err := element(rest)
			if err != nil {
				return nil, err
			}
			rest = after
			said, err := value(one, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, said)
		}
		return out, nil
	case v.Tag == asn1.TagBoolean:
		return len(v.Bytes) == 1 && v.Bytes[0] != 0, nil
	case v.Tag == asn1.TagUTF8String:
		return string(v.Bytes), nil
	case v.Tag == asn1.TagInteger:
		return int64(0), nil // no entitlement that is read here has a number
	}
	return nil, errDER
}
