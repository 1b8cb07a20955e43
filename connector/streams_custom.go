package connector

import "source-intercom/intercom"

// customObjectStream is the stream of the custom objects of one type. Intercom has no list of the types, so that
// the configuration names them.
// https://developers.intercom.com/docs/references/rest-api/api.intercom.io/custom-object-instances
func customObjectStream(kind string) Stream {
	name := "custom_objects_" + columnName(kind)
	feed := &Feed{Name: name, Walk: walkList, Path: "/custom_object_instances/" + kind + "?per_page=150", One: "/custom_object_instances/" + kind + "/{id}", Rows: "data", Cursor: "updated_at", Feature: true}
	return Stream{Name: name, Feed: feed, Schema: "custom_objects", Key: []string{"id"}, Cursor: "updated_at", Since: intercom.V2_13,
		Permission: "Read custom object instances", Method: wholeList}
}
