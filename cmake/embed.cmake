# embed_texts(OUTPUT file.cc NAMESPACE ns FUNCTION name FILES ..): writes a source that defines
# `const std::vector<std::pair<absl::string_view, absl::string_view>>& name()`, each file's stem and
# its text, at configure time and again whenever one of the files changes.
function(embed_texts)
  cmake_parse_arguments(ARG "" "OUTPUT;NAMESPACE;FUNCTION" "FILES" ${ARGN})
  set(entries "")
  foreach(path IN LISTS ARG_FILES)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
    get_filename_component(stem ${path} NAME_WE)
    file(READ ${path} text)
    string(APPEND entries "      {\"${stem}\", R\"embedded(${text})embedded\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${ARG_OUTPUT} @ONLY CONTENT
"#include <utility>
#include <vector>

#include \"absl/strings/string_view.h\"

namespace @ARG_NAMESPACE@ {

const std::vector<std::pair<absl::string_view, absl::string_view>>& @ARG_FUNCTION@() {
  static const auto* const kTexts = new std::vector<std::pair<absl::string_view, absl::string_view>>{
@entries@  };
  return *kTexts;
}

}  // namespace @ARG_NAMESPACE@
")
endfunction()
