#include "broker/scim/render.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/base/ids.h"
#include "broker/scim/json_text.h"
#include "broker/scim/times.h"
#include "broker/scim/value.h"

namespace purser::scim {
namespace {

using nlohmann::json;

// Writes one resource; every name written is the schema's, in canonical case.
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

  void Write() {
    out_ += "{\"schemas\":[";
    AppendJsonString(schema_.core.urn, &out_);
    for (const Schema& extension : schema_.extensions) {
      if (!resource_.attributes.contains(extension.urn)) continue;
      out_ += ',';
      AppendJsonString(extension.urn, &out_);
    }
    out_ += "],\"id\":";
    AppendJsonString(resource_.id, &out_);
    WriteAttributes(nullptr, CommonAttributes(), resource_.attributes);
    WriteAttributes(nullptr, schema_.core.attributes, resource_.attributes);
    for (const Schema& extension : schema_.extensions) WriteExtension(extension);
    WriteReferences();
    WriteMeta();
    out_ += '}';
  }

 private:
  void Name(absl::string_view name) {
    if (out_.back() != '{') out_ += ',';
    out_ += '"';
    out_.append(name.data(), name.size());
    out_ += "\":";
  }

  void WriteAttributes(const Schema* extension, const std::vector<Attribute>& attributes,
                       const json& holder) {
    for (const Attribute& attribute : attributes) {
      const auto value = holder.find(attribute.name);
      if (value == holder.end() || !projection_.Includes(extension, attribute) ||
          !FitsType(attribute, *value)) {
        continue;
      }
      Name(attribute.name);
      WriteValue(extension, attribute, *value);
    }
  }

  void WriteValue(const Schema* extension, const Attribute& attribute, const json& value) {
    if (!attribute.is_complex()) return AppendJson(value, &out_);
    if (!value.is_array()) return WriteObject(extension, attribute, value);
    out_ += '[';
    for (const json& element : value) {
      if (out_.back() != '[') out_ += ',';
      WriteObject(extension, attribute, element);
    }
    out_ += ']';
  }

  void WriteObject(const Schema* extension, const Attribute& attribute, const json& object) {
    out_ += '{';
    for (const Attribute& sub : attribute.sub_attributes) {
      if (!projection_.IncludesSub(extension, attribute, sub)) continue;
      const auto value = object.find(sub.name);
      if (value != object.end() && FitsType(sub, *value)) {
        Name(sub.name);
        AppendJson(*value, &out_);
      } else if (attribute.refers_by_value && sub.type == AttributeType::kReference) {
        WriteDerivedReference(sub, object);
      }
    }
    out_ += '}';
  }

  // manager.$ref follows from manager.value, where that is an id of ours.
  void WriteDerivedReference(const Attribute& sub, const json& object) {
    const auto value = object.find("value");
    if (value == object.end() || !value->is_string()) return;
    const std::string& id = value->get_ref<const std::string&>();
    if (!IsUuid(id)) return;
    Name(sub.name);
    AppendJsonString(LocationOf(base_url_, event::v1::USER, id), &out_);
  }

  void WriteExtension(const Schema& extension) {
    const auto holder = resource_.attributes.find(extension.urn);
    if (holder == resource_.attributes.end()) return;
    const size_t before = out_.size();
    Name(extension.urn);
    out_ += '{';
    const size_t empty = out_.size();
    WriteAttributes(&extension, extension.attributes, *holder);
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

void AppendResource(const ResourceSchema& schema, const ResourceView& view,
                    absl::string_view base_url, const Projection& projection, std::string* out) {
  ResourceWriter(schema, view, base_url, projection, out).Write();
}

std::string RenderResource(const ResourceSchema& schema, const ResourceView& view,
                           absl::string_view base_url, const Projection& projection) {
  std::string out;
  out.reserve(2048);
  AppendResource(schema, view, base_url, projection, &out);
  return out;
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
