/* Any entry of a list, and any fields that it must hold, with a NUL between them: one of
 * three answers; an entry with another text is no match, and a tag alone decides. */
#include "service/match.h"
#include "json_parts.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *entry = next_json(&data, &size),
	                   *fields = next_json(&data, &size);
	struct match_spec spec = {
	    .created_at = "/created_at", .sent_at = 1700000000000, .clock_sure = true};

	if (entry != NULL && json_object_is_type(fields, json_type_object))
		spec.match = fields;
	if (entry != NULL) {
		need(match_entry(&spec, entry) <= MATCH);
		spec.clock_sure = false;
		need(match_entry(&spec, entry) <= MATCH);
		spec.tag_at = "/tag";
		spec.tag = "tag";
		need(match_entry(&spec, entry) != MATCH ||
		     strstr(json_object_to_json_string(entry), "tag") != NULL);
	}
	json_object_put(entry);
	json_object_put(fields);
	return 0;
}
