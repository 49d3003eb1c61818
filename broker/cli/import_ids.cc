#include "broker/cli/import_ids.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "broker/base/ids.h"
#include "broker/crypto/sha256.h"

namespace purser {

size_t ImportIds::Hash::operator()(const Digest& digest) const {
  size_t hash;
  std::memcpy(&hash, digest.data(), sizeof(hash));
  return hash;
}

ImportIds::Digest ImportIds::DigestOf(absl::string_view what, absl::string_view text) {
  const Sha256Hash hash = Sha256({what, absl::string_view("\0", 1), text});
  Digest digest;
  std::copy_n(hash.begin(), digest.size(), digest.begin());
  return digest;
}

ImportIds::Line ImportIds::AddLine(uint32_t line_in_file) {
  lines_.push_back({.in_file = line_in_file});
  return static_cast<Line>(lines_.size() - 1);
}

std::optional<ImportIds::Line> ImportIds::Claim(absl::string_view what, absl::string_view text,
                                                Line line) {
  const auto [it, added] = names_.emplace(DigestOf(what, text), line);
  if (added || it->second == line) return std::nullopt;
  return it->second;
}

std::optional<ImportIds::Line> ImportIds::Find(absl::string_view what,
                                               absl::string_view text) const {
  const auto it = names_.find(DigestOf(what, text));
  return it == names_.end() ? std::nullopt : std::optional<Line>(it->second);
}

void ImportIds::Set(Line line, State state, absl::string_view id) {
  Entry& entry = lines_[line];
  entry.state = state;
  if (!IsUuid(id)) return;
  const std::string bytes = absl::HexStringToBytes(absl::StrReplaceAll(id, {{"-", ""}}));
  std::copy_n(bytes.begin(), entry.id.size(), entry.id.begin());
  entry.has_id = true;
}

std::string ImportIds::IdOf(Line line) const {
  const Entry& entry = lines_[line];
  if (!entry.has_id) return "";
  const std::string hex = absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(entry.id.data()), entry.id.size()));
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-",
                      hex.substr(16, 4), "-", hex.substr(20));
}

}  // namespace purser
