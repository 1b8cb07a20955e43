package intercom

import (
	"context"
	"net/http"
	"time"

	"github.com/tidwall/gjson"
)

// Workspace is the Intercom workspace that the token belongs to.
type Workspace struct {
	ID       string // app id_code
	Name     string
	TimeZone *time.Location // nil where Intercom's name for it is not known
	Region   string         // "US", "EU" or "AU"
}

// Workspace asks GET /me. The zero Workspace means that the token belongs to no app, as the OpenAPI
// files allow for.
func (c *Client) Workspace(ctx context.Context) (Workspace, error) {
	a, err := c.Do(ctx, Request{Method: http.MethodGet, Path: "/me"})
	if err != nil {
		return Workspace{}, err
	}
	defer a.Release()
	app := a.Get("app")
	if app.Type == gjson.Null { // or absent
		return Workspace{}, nil
	}
	id := app.Get("id_code").String()
	if id == "" {
		return Workspace{}, a.shape("app.id_code", "the workspace's id", app.Get("id_code"))
	}
	return Workspace{
		ID:       id,
		Name:     app.Get("name").String(),
		TimeZone: timeZone(app.Get("timezone").String()),
		Region:   app.Get("region").String(),
	}, nil
}

// timeZone reads the name of a zone, of the IANA data base or in the words of Ruby on Rails, which
// Intercom uses too.
func timeZone(name string) *time.Location {
	if iana, ok := railsZones[name]; ok {
		name = iana
	}
	if name == "" || name == "Local" { // LoadLocation has meanings of its own for these
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	return zone
}
