#include "broker/scim/render.h"

#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "broker/base/ids.h"
#include "broker/scim/json_text.h"
#include "broker/scim/json_walk.h"
#include "broker/scim/times.h"

namespace purser::scim {
namespace {

// Of an answer with one resource: schemas, id, meta and a few groups.
constexpr size_t kBesidesAttributes = 1024;

// A member of an object's text: its name, and its value as it is written.
struct Member {
  absl::string_view name;
  absl::string_view value;
};
using Members = absl::InlinedVector<Member, 24>;

// False where `text` is no object.
bool ReadMembers(absl::string_view text, Members* members) {
  JsonWalk walk(text);
  return walk.Sees('{') && walk.Object([&](absl::string_view name) {
    absl::string_view value;
    if (!walk.Raw(&value)) return false;
    members->push_back({name, value});
    return true;
  }) && walk.at_end();
}

// The value as it is written; empty where there is none.
absl::string_view ValueOf(const Members& members, absl::string_view name) {
  for (const Member& member : members) {
    if (member.name == name) return member.value;
  }
  return "";
}

bool IsArray(absl::string_view value) { return value.front() == '['; }

// Calls `element` with the text of each; false once it, or the text, is not as it should be.
template <typename Element>
bool ForEachElement(absl::string_view array, const Element& element) {
  JsonWalk walk(array);
  return walk.Sees('[') && walk.Array([&] {
    absl::string_view text;
    return walk.Raw(&text) && element(text);
  });
}

bool ElementFits(const Attribute& attribute, absl::string_view value) {
  const char first = value.front();
  const bool number = first == '-' || absl::ascii_isdigit(static_cast<unsigned char>(first));
  switch (attribute.type) {
    case AttributeType::kBoolean:
      return first == 't' || first == 'f';
    case AttributeType::kInteger:
      return number && value.find_first_of(".eE") == absl::string_view::npos;
    case AttributeType::kDecimal:
      return number;
    case AttributeType::kComplex:
      return first == '{';
    default:
      return first == '"';
  }
}

// What FitsType() says of a value, of its text.
bool Fits(const Attribute& attribute, absl::string_view value) {
  if (value.empty()) return false;
  if (!attribute.multi_valued) return ElementFits(attribute, value);
  return ForEachElement(value,
                        [&](absl::string_view element) { return ElementFits(attribute, element); });
}

// Writes one resource; every name written is the schema's, in canonical case, and every value as it
// is stored: nothing is parsed that is only to be written again.
class ResourceWriter {
 public:
  ResourceWriter(const ResourceSchema& schema, const ResourceView& view, absl::string_view base_url,
                 const Projection& projection, std::string* out)
      : view_(view),
        resource_(*view.resource),
        schema_(schema),
        base_url_(base_url),
        projection_(projection),
        out_(*out) {}

  // False where `attributes` is not the text of an object; what is written then is of no use.
  bool Write(absl::string_view attributes) {
    Members members;
    whole_ = ReadMembers(attributes, &members);
    out_ += "{\"schemas\":[";
    AppendJsonString(schema_.core.urn, &out_);
    for (const Schema& extension : schema_.extensions) {
      if (ValueOf(members, extension.urn).empty()) continue;
      out_ += ',';
      AppendJsonString(extension.urn, &out_);
    }
    out_ += "],\"id\":";
    AppendJsonString(resource_.id, &out_);
    WriteAttributes(nullptr, CommonAttributes(), members);
    WriteAttributes(nullptr, schema_.core.attributes, members);
    for (const Schema& extension : schema_.extensions) {
      WriteExtension(extension, ValueOf(members, extension.urn));
    }
    WriteReferences();
    WriteMeta();
    out_ += '}';
    return whole_;
  }

 private:
  void Name(absl::string_view name) {
    if (out_.back() != '{') out_ += ',';
    out_ += '"';
    out_.append(name.data(), name.size());
    out_ += "\":";
  }

  void Value(absl::string_view text) { out_.append(text.data(), text.size()); }

  void WriteAttributes(const Schema* extension, const std::vector<Attribute>& attributes,
                       const Members& holder) {
    for (const Attribute& attribute : attributes) {
      const absl::string_view value = ValueOf(holder, attribute.name);
      if (!Fits(attribute, value) || !projection_.Includes(extension, attribute)) continue;
      Name(attribute.name);
      WriteValue(extension, attribute, value);
    }
  }

  void WriteValue(const Schema* extension, const Attribute& attribute, absl::string_view value) {
    if (!attribute.is_complex()) return Value(value);
    if (!IsArray(value)) return WriteObject(extension, attribute, value);
    out_ += '[';
    ForEachElement(value, [&](absl::string_view element) {
      if (out_.back() != '[') out_ += ',';
      WriteObject(extension, attribute, element);
      return true;
    });
    out_ += ']';
  }

  void WriteObject(const Schema* extension, const Attribute& attribute, absl::string_view object) {
    Members members;
    whole_ &= ReadMembers(object, &members);
    out_ += '{';
    for (const Attribute& sub : attribute.sub_attributes) {
      if (!projection_.IncludesSub(extension, attribute, sub)) continue;
      const absl::string_view value = ValueOf(members, sub.name);
      if (Fits(sub, value)) {
        Name(sub.name);
        Value(value);
      } else if (attribute.refers_by_value && sub.type == AttributeType::kReference) {
        WriteDerivedReference(sub, ValueOf(members, "value"));
      }
    }
    out_ += '}';
  }

  // manager.$ref follows from manager.value, where that is an id of ours.
  void WriteDerivedReference(const Attribute& sub, absl::string_view value) {
    if (!absl::ConsumePrefix(&value, "\"") || !absl::ConsumeSuffix(&value, "\"")) return;
    if (!IsUuid(value)) return;
    Name(sub.name);
    AppendJsonString(LocationOf(base_url_, event::v1::USER, value), &out_);
  }

  void WriteExtension(const Schema& extension, absl::string_view holder) {
    if (holder.empty()) return;
    Members members;
    whole_ &= ReadMembers(holder, &members);
    const size_t before = out_.size();
    Name(extension.urn);
    out_ += '{';
    const size_t empty = out_.size();
    WriteAttributes(&extension, extension.attributes, members);
    if (out_.size() == empty) {
      out_.resize(before);
    } else {
      out_ += '}';
    }
  }

  void WriteReferences() {
    const bool group = resource_.type == event::v1::GROUP;
    const std::vector<Reference>* references = group ? view_.members : view_.groups;
    const Attribute* attribute = schema_.core.Find(group ? "members" : "groups");
    if (references == nullptr || references->empty() ||
        !projection_.Includes(nullptr, *attribute)) {
      return;
    }
    Name(attribute->name);
    out_ += '[';
    for (const Reference& reference : *references) {
      if (out_.back() != '[') out_ += ',';
      WriteReference(*attribute, reference, group);
    }
    out_ += ']';
  }

  void WriteReference(const Attribute& attribute, const Reference& reference, bool member) {
    const auto included = [&](absl::string_view name) {
      const bool in = projection_.is_default() ||
                      projection_.IncludesSub(nullptr, attribute, *attribute.Sub(name));
      if (in) Name(name);
      return in;
    };
    out_ += '{';
    if (included("value")) AppendJsonString(reference.id, &out_);
    const event::v1::ResourceType type = member ? reference.type : event::v1::GROUP;
    if (included("$ref")) AppendJsonString(LocationOf(base_url_, type, reference.id), &out_);
    if (included("type")) {
      AppendJsonString(member ? NameOf(type) : reference.direct ? "direct" : "indirect", &out_);
    }
    if (!reference.display.empty() && included("display")) {
      AppendJsonString(reference.display, &out_);
    }
    out_ += '}';
  }

  void WriteMeta() {
    const Attribute& meta = *schema_.FindCore("meta");
    if (!projection_.Includes(nullptr, meta)) return;
    const auto write = [&](absl::string_view name, absl::string_view value) {
      if (!projection_.IncludesSub(nullptr, meta, *meta.Sub(name))) return;
      Name(name);
      AppendJsonString(value, &out_);
    };
    Name("meta");
    out_ += '{';
    write("resourceType", schema_.name);
    write("created", FormatDateTime(resource_.created));
    write("lastModified", FormatDateTime(resource_.last_modified));
    write("location", LocationOf(base_url_, resource_.type, resource_.id));
    write("version", EntityTag(resource_.version));
    out_ += '}';
  }

  const ResourceView& view_;
  const Resource& resource_;
  const ResourceSchema& schema_;
  absl::string_view base_url_;
  const Projection& projection_;
  std::string& out_;
  bool whole_ = true;
};

// `where`: the members that say which page it is.
std::string RenderPage(uint64_t total, absl::string_view where,
                       const std::vector<std::string>& resources) {
  size_t size = 256;
  for (const std::string& resource : resources) size += resource.size() + 1;
  std::string out;
  out.reserve(size);
  absl::StrAppend(&out,
                  "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:ListResponse\"],"
                  "\"totalResults\":",
                  total, where, ",\"itemsPerPage\":", resources.size(), ",\"Resources\":[");
  for (size_t i = 0; i < resources.size(); ++i) {
    if (i > 0) out += ',';
    out += resources[i];
  }
  out += "]}";
  return out;
}

}  // namespace

std::string EntityTag(uint64_t version) { return absl::StrCat("W/\"", version, "\""); }

std::string LocationOf(absl::string_view base_url, event::v1::ResourceType type,
                       absl::string_view id) {
  return absl::StrCat(base_url, EndpointOf(type), "/", id);
}

absl::StatusOr<std::string> RenderResource(const ResourceSchema& schema, const ResourceView& view,
                                           absl::string_view attributes, absl::string_view base_url,
                                           const Projection& projection) {
  std::string out;
  out.reserve(attributes.size() + kBesidesAttributes);
  if (ResourceWriter(schema, view, base_url, projection, &out).Write(attributes)) return out;
  return absl::DataLossError(absl::StrCat("the stored attributes of ", view.resource->id,
                                          " are not JSON; rebuild the read model"));
}

std::string RenderList(uint64_t total, uint64_t start_index,
                       const std::vector<std::string>& resources) {
  return RenderPage(total, absl::StrCat(",\"startIndex\":", start_index), resources);
}

std::string RenderCursorPage(uint64_t total, absl::string_view next_cursor,
                             const std::vector<std::string>& resources) {
  if (next_cursor.empty()) return RenderPage(total, "", resources);
  return RenderPage(total, absl::StrCat(",\"nextCursor\":\"", next_cursor, "\""), resources);
}

}  // namespace purser::scim
