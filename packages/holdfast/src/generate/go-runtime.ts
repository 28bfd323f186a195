/** The part of a client in Go that is the same for every server. Go 1.18, standard library only. */
export const goRuntime = String.raw`
import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const attempts = 5

var retryable = map[string]bool{
	"actor.stopping": true, "actor.starting": true, "actor.fenced": true, "actor.moved": true,
	"store.unavailable": true, "store.indeterminate": true, "cluster.node_lost": true,
	"gateway.shutting_down": true, "server.busy": true, "client.network_error": true,
}

// Error is an error of the server or of an actor. Group and Code are stable; Message is for people.
type Error struct {
	Group    string
	Code     string
	Message  string
	Metadata any
	Status   int
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s (%s.%s)", e.Message, e.Group, e.Code)
}

func networkError(cause error) *Error {
	return &Error{Group: "client", Code: "network_error", Message: "The server cannot be reached: " + cause.Error()}
}

// Options of a client. The zero value is that of an open server.
type Options struct {
	Token     string
	Namespace string
	// Header is sent with each request.
	Header http.Header
	// HTTP is http.DefaultClient if nil. A timeout of its own ends streams of events, too.
	HTTP *http.Client
}

type connection struct {
	url     string
	options Options
}

// Key is the key of an actor: its components.
type Key []string

func (k Key) text() string {
	var text strings.Builder
	for _, part := range k {
		text.WriteString(component(part))
		text.WriteByte(',')
	}
	return text.String()
}

// component encodes as encodeURIComponent of JavaScript.
func component(text string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()"
	var encoded strings.Builder
	for _, each := range []byte(text) {
		if strings.IndexByte(plain, each) >= 0 {
			encoded.WriteByte(each)
		} else {
			fmt.Fprintf(&encoded, "%%%02X", each)
		}
	}
	return encoded.String()
}

func (c *connection) path(name string, actor string) string {
	if c.options.Namespace != "" && c.options.Namespace != "default" {
		name = c.options.Namespace + ":" + name
	}
	return "/actors/" + component(name) + "/" + actor
}

func (c *connection) request(ctx context.Context, method string, path string, body io.Reader) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, body)
	if err != nil {
		return nil, err
	}
	for name, values := range c.options.Header {
		request.Header[name] = values
	}
	if c.options.Token != "" {
		request.Header.Set("x-holdfast-token", c.options.Token)
	}
	return request, nil
}

func (c *connection) do(request *http.Request) (*http.Response, error) {
	client := c.options.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	return response, nil
}

// call sends a request, again if that is safe: its key makes the server run it once.
func (c *connection) call(ctx context.Context, method string, path string, params any, body any) (any, error) {
	content, err := json.Marshal(encode(body))
	if err != nil {
		return nil, err
	}
	key := newKey()
	for attempt := 1; ; attempt++ {
		answer, err := c.attempt(ctx, method, path, params, content, key)
		var failed *Error
		if err == nil || attempt == attempts || !errors.As(err, &failed) || !retryable[failed.Group+"."+failed.Code] {
			return answer, err
		}
		if err := pause(ctx, time.Duration(attempt)*50*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

func (c *connection) attempt(ctx context.Context, method string, path string, params any, content []byte, key string) (any, error) {
	var body io.Reader
	if method != "GET" {
		body = bytes.NewReader(content)
	}
	request, err := c.request(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("content-type", "application/json")
	request.Header.Set("idempotency-key", key)
	if err := setParams(request, params); err != nil {
		return nil, err
	}
	response, err := c.do(request)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, networkError(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, networkError(err)
	}
	if response.StatusCode >= 400 {
		return nil, errorOf(response.StatusCode, text)
	}
	if len(text) == 0 {
		return nil, nil
	}
	return parse(text)
}

func setParams(request *http.Request, params any) error {
	if params == nil {
		return nil
	}
	content, err := json.Marshal(encode(params))
	if err != nil {
		return err
	}
	request.Header.Set("x-holdfast-conn-params", base64.RawURLEncoding.EncodeToString(content))
	request.Header.Set("x-holdfast-encoding", "json")
	return nil
}

func errorOf(status int, text []byte) error {
	body, err := parse(text)
	fields, isObject := body.(map[string]any)
	if err != nil || !isObject {
		return &Error{Group: "client", Code: "malformed_response", Message: fmt.Sprintf("HTTP %d", status), Status: status}
	}
	group, _ := fields["group"].(string)
	code, _ := fields["code"].(string)
	message, _ := fields["message"].(string)
	return &Error{Group: group, Code: code, Message: message, Metadata: fields["metadata"], Status: status}
}

func newKey() string {
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		panic(err)
	}
	return fmt.Sprintf("%x", random)
}

func pause(ctx context.Context, delay time.Duration) error {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// encode makes JSON of a value; what JSON lacks is a pair that begins with a tag. Members of structs are plain JSON.
func encode(value any) any {
	switch typed := value.(type) {
	case nil, string, bool:
		return value
	case int:
		return encodeInteger(int64(typed))
	case int64:
		return encodeInteger(typed)
	case float64:
		return encodeFloat(typed)
	case *big.Int:
		return []any{"$BigInt", typed.String()}
	case []byte:
		return []any{"$Uint8Array", base64.StdEncoding.EncodeToString(typed)}
	case time.Time:
		return []any{"$Date", typed.UnixMilli()}
	case []any:
		items := make([]any, len(typed))
		for at, item := range typed {
			items[at] = encode(item)
		}
		return escape(items)
	case map[string]any:
		members := make(map[string]any, len(typed))
		for name, item := range typed {
			members[name] = encode(item)
		}
		return members
	}
	content, err := json.Marshal(value)
	if err != nil {
		return value
	}
	var plain any
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	if decoder.Decode(&plain) != nil {
		return value
	}
	return escapeAll(plain)
}

func encodeInteger(value int64) any {
	if value > 1<<53-1 || value < -(1<<53-1) {
		return []any{"$BigInt", strconv.FormatInt(value, 10)}
	}
	return value
}

func encodeFloat(value float64) any {
	switch {
	case math.IsNaN(value):
		return []any{"$Number", "NaN"}
	case math.IsInf(value, 1):
		return []any{"$Number", "Infinity"}
	case math.IsInf(value, -1):
		return []any{"$Number", "-Infinity"}
	}
	return value
}

func escape(items []any) []any {
	if len(items) > 0 {
		if first, isText := items[0].(string); isText && strings.HasPrefix(first, "$") {
			items[0] = "$" + first
		}
	}
	return items
}

func escapeAll(value any) any {
	switch typed := value.(type) {
	case []any:
		for at, item := range typed {
			typed[at] = escapeAll(item)
		}
		return escape(typed)
	case map[string]any:
		for name, item := range typed {
			typed[name] = escapeAll(item)
		}
	}
	return value
}

func parse(text []byte) (any, error) {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	return decode(value), nil
}

// decode is the inverse of encode: int64, float64, *big.Int, []byte, time.Time, []any, map[string]any.
func decode(value any) any {
	switch typed := value.(type) {
	case json.Number:
		if whole, err := typed.Int64(); err == nil {
			return whole
		}
		float, _ := typed.Float64()
		return float
	case map[string]any:
		for name, item := range typed {
			typed[name] = decode(item)
		}
		return typed
	case []any:
		return decodeList(typed)
	}
	return value
}

func decodeList(items []any) any {
	tag := ""
	if len(items) > 0 {
		tag, _ = items[0].(string)
	}
	if !strings.HasPrefix(tag, "$") || strings.HasPrefix(tag, "$$") {
		for at, item := range items {
			items[at] = decode(item)
		}
		if tag != "" && tag[0] == '$' {
			items[0] = tag[1:]
		}
		return items
	}
	if len(items) != 2 {
		return items
	}
	content := decode(items[1])
	text, _ := content.(string)
	switch tag {
	case "$Undefined":
		return nil
	case "$BigInt":
		whole, _ := new(big.Int).SetString(text, 10)
		return whole
	case "$Number":
		float, _ := strconv.ParseFloat(text, 64)
		return float
	case "$Uint8Array", "$ArrayBuffer":
		content, _ := base64.StdEncoding.DecodeString(text)
		return content
	case "$Date":
		if ms, isWhole := content.(int64); isWhole {
			return time.UnixMilli(ms).UTC()
		}
		return nil
	case "$Map":
		return decodeMap(content)
	}
	return content
}

// decodeMap makes an object of a map with texts as keys, and a list of pairs of any other.
func decodeMap(content any) any {
	pairs, _ := content.([]any)
	members := make(map[string]any, len(pairs))
	for _, each := range pairs {
		pair, _ := each.([]any)
		if len(pair) != 2 {
			return content
		}
		name, isText := pair[0].(string)
		if !isText {
			return content
		}
		members[name] = pair[1]
	}
	return members
}

// into converts a decoded value to a type.
func into[T any](value any) (T, error) {
	var result T
	if typed, isAlready := value.(T); isAlready {
		return typed, nil
	}
	content, err := json.Marshal(value)
	if err != nil {
		return result, err
	}
	err = json.Unmarshal(content, &result)
	return result, err
}

// Actor is what all kinds of actors have.
type Actor struct {
	connection *connection
	path       string
	params     any
}

// Resolve returns the id of the actor.
func (a *Actor) Resolve(ctx context.Context) (string, error) {
	method, path := "GET", a.path
	if at := strings.Index(path, "/~"); at >= 0 {
		method, path = "PUT", path[:at]+"/@"+path[at+2:]
	}
	answer, err := a.connection.call(ctx, method, path, a.params, map[string]any{})
	if err != nil {
		return "", err
	}
	fields, _ := answer.(map[string]any)
	id, _ := fields["id"].(string)
	return id, nil
}

// Call calls an action by its name. An action with a streamed result is not served by this client.
func (a *Actor) Call(ctx context.Context, action string, args ...any) (any, error) {
	if args == nil {
		args = []any{}
	}
	answer, err := a.connection.call(ctx, "POST", a.path+"/actions/"+component(action), a.params, map[string]any{"args": args})
	if err != nil {
		return nil, err
	}
	fields, _ := answer.(map[string]any)
	return fields["output"], nil
}

func call[T any](ctx context.Context, actor *Actor, action string, args ...any) (T, error) {
	output, err := actor.Call(ctx, action, args...)
	if err != nil {
		var none T
		return none, err
	}
	return into[T](output)
}

// Sent is what became of a message that its sender waited for.
type Sent struct {
	// Status is "completed" or "timedOut".
	Status   string
	Response any
}

// Send sends a message to a queue.
func (a *Actor) Send(ctx context.Context, queue string, body any) error {
	_, err := a.send(ctx, queue, map[string]any{"body": body})
	return err
}

// SendAndWait sends a message and waits until a consumer has completed it, or for the timeout.
func (a *Actor) SendAndWait(ctx context.Context, queue string, body any, timeout time.Duration) (Sent, error) {
	return a.send(ctx, queue, map[string]any{"body": body, "wait": true, "timeout": timeout.Milliseconds()})
}

func (a *Actor) send(ctx context.Context, queue string, content map[string]any) (Sent, error) {
	answer, err := a.connection.call(ctx, "POST", a.path+"/queues/"+component(queue), a.params, content)
	if err != nil {
		return Sent{}, err
	}
	fields, _ := answer.(map[string]any)
	status, _ := fields["status"].(string)
	return Sent{Status: status, Response: fields["response"]}, nil
}

// Request sends a request to onRequest of the actor; its caller closes the body of the response.
func (a *Actor) Request(ctx context.Context, method string, path string, body io.Reader) (*http.Response, error) {
	request, err := a.connection.request(ctx, method, a.path+"/request/"+strings.TrimPrefix(path, "/"), body)
	if err != nil {
		return nil, err
	}
	if err := setParams(request, a.params); err != nil {
		return nil, err
	}
	return a.connection.do(request)
}

// Event is an event of an actor: its name and its arguments.
type Event struct {
	Name string
	Args []any
}

// Listen calls back with events until the context is done or the callback returns an error. A lost connection is made
// again, and continues where it was.
func (a *Actor) Listen(ctx context.Context, heard func(Event) error, events ...string) error {
	query := url.Values{"event": events}
	last := ""
	for delay := 100 * time.Millisecond; ; {
		received, err := a.listenOnce(ctx, query, &last, heard)
		var failed *Error
		if err != nil && !(errors.As(err, &failed) && retryable[failed.Group+"."+failed.Code]) {
			return err
		}
		if received {
			delay = 100 * time.Millisecond
		}
		if err := pause(ctx, delay); err != nil {
			return err
		}
		if delay < 20*time.Second {
			delay *= 2
		}
	}
}

func (a *Actor) listenOnce(ctx context.Context, query url.Values, last *string, heard func(Event) error) (bool, error) {
	request, err := a.connection.request(ctx, "GET", a.path+"/events?"+query.Encode(), nil)
	if err != nil {
		return false, err
	}
	request.Header.Set("accept", "text/event-stream")
	if *last != "" {
		request.Header.Set("last-event-id", *last)
	}
	if err := setParams(request, a.params); err != nil {
		return false, err
	}
	response, err := a.connection.do(request)
	if err != nil {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		return false, networkError(err)
	}
	defer response.Body.Close()
	if response.StatusCode >= 400 {
		text, _ := io.ReadAll(response.Body)
		return false, errorOf(response.StatusCode, text)
	}
	received := false
	name, data := "", ""
	lines := bufio.NewReader(response.Body)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			if ctx.Err() != nil {
				return received, ctx.Err()
			}
			return received, networkError(err)
		}
		field, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case field == "event":
			name = value
		case field == "data":
			data += value
		case field == "id":
			*last = value
		case field == "" && value == "" && name != "":
			received = true
			if err := deliver(name, data, heard); err != nil {
				return received, err
			}
			name, data = "", ""
		}
	}
}

func deliver(name string, data string, heard func(Event) error) error {
	if strings.HasPrefix(name, "$") {
		return nil
	}
	value, err := parse([]byte(data))
	if err != nil {
		return err
	}
	args, _ := value.([]any)
	return heard(Event{Name: name, Args: args})
}

func listen[T any](ctx context.Context, actor *Actor, event string, heard func(T) error) error {
	return actor.Listen(ctx, func(each Event) error {
		var value any
		if len(each.Args) > 0 {
			value = each.Args[0]
		}
		typed, err := into[T](value)
		if err != nil {
			return err
		}
		return heard(typed)
	}, event)
}

type kind struct {
	connection *connection
	name       string
}

func (k kind) actor(address string, params []any) Actor {
	actor := Actor{connection: k.connection, path: k.connection.path(k.name, address)}
	if len(params) > 0 {
		actor.params = params[0]
	}
	return actor
}

func (k kind) create(ctx context.Context, key Key, input any, params []any) (Actor, error) {
	actor := k.actor("@"+key.text(), params)
	body := map[string]any{}
	if input != nil {
		body["input"] = input
	}
	_, err := k.connection.call(ctx, "POST", actor.path, actor.params, body)
	return actor, err
}
`.trim();
