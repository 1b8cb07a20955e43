package connector

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/tidwall/gjson"
)

// maxKnown bounds the ids that a state holds of a stream: in Intercom's longer form they take 16 characters each.
const maxKnown = 50_000

// A register holds the ids of the rows that a stream has emitted and not taken back, so that a sweep can tell which of
// them have gone. Only the writer changes it, once the lines of a row are written, so that each state has those that it
// vouches for.
type register struct {
	ids  map[string]struct{}
	from int64 // rows that changed last before were not read
	// whole: it holds all that were ever emitted. A stream that was read before it was to be swept learns the rest from its
	// first sweep.
	whole   bool
	tooMany bool // more than maxKnown: the stream is not swept any more
}

// A change is that a row was emitted, or that a tombstone has taken it back.
type change struct {
	id   string
	gone bool
}

func (k *register) apply(changes []change) {
	if k.tooMany {
		return
	}
	for _, c := range changes {
		if c.gone {
			delete(k.ids, c.id)
		} else {
			k.ids[c.id] = struct{}{}
		}
	}
	if len(k.ids) > maxKnown {
		*k = register{tooMany: true, from: k.from}
	}
}

// append renders the set: ids of 24 hexadecimal digits as 12 bytes each, numbers as their distance to the one before,
// others as they are.
func (k *register) append(b []byte) []byte {
	if k.tooMany {
		return fmt.Appendf(b, `{"too_many":true,"from":%d}`, k.from)
	}
	var long, short []byte
	var numbers []uint64
	others := []string{}
	for id := range k.ids {
		n, err := strconv.ParseUint(id, 10, 64)
		switch bytes, isHex := hexID(id); {
		case isHex:
			long = append(long, bytes...)
		case err == nil && strconv.FormatUint(n, 10) == id:
			numbers = append(numbers, n)
		default:
			others = append(others, id)
		}
	}
	slices.Sort(numbers)
	slices.Sort(others)
	last := uint64(0)
	for _, n := range numbers {
		short = binary.AppendUvarint(short, n-last)
		last = n
	}
	rest, _ := json.Marshal(others) // texts always marshal
	return fmt.Appendf(b, `{"whole":%t,"from":%d,"hex":%q,"numbers":%q,"others":%s}`, k.whole, k.from,
		base64.RawStdEncoding.EncodeToString(long), base64.RawStdEncoding.EncodeToString(short), rest)
}

const hexBytes = 12

// hexID takes an id of Intercom's longer form apart.
func hexID(id string) ([]byte, bool) {
	b, err := hex.DecodeString(id)
	return b, err == nil && len(b) == hexBytes && hex.EncodeToString(b) == id
}

// parseRegister reads a set back. ok is false where it is none.
func parseRegister(v gjson.Result) (k *register, ok bool) {
	k = &register{ids: map[string]struct{}{}, whole: v.Get("whole").Bool(), tooMany: v.Get("too_many").Bool()}
	if k.from, ok = seconds(v.Get("from")); !ok || k.tooMany {
		return k, ok
	}
	long, err := base64.RawStdEncoding.DecodeString(v.Get("hex").Str)
	if err != nil || len(long)%hexBytes != 0 || len(long) > hexBytes*maxKnown {
		return k, false
	}
	for ; len(long) > 0; long = long[hexBytes:] {
		k.ids[hex.EncodeToString(long[:hexBytes])] = struct{}{}
	}
	short, err := base64.RawStdEncoding.DecodeString(v.Get("numbers").Str)
	for last := uint64(0); len(short) > 0; {
		n, size := binary.Uvarint(short)
		if size <= 0 || len(k.ids) > maxKnown {
			return k, false
		}
		last += n
		k.ids[strconv.FormatUint(last, 10)] = struct{}{}
		short = short[size:]
	}
	for _, id := range v.Get("others").Array() {
		k.ids[id.String()] = struct{}{}
	}
	return k, err == nil && len(k.ids) <= maxKnown
}
