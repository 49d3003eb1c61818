#include "broker/eventlog/stream_trouble.h"

namespace purser {

absl::string_view TroubleName(StreamTrouble trouble) {
  switch (trouble) {
    case StreamTrouble::kNone:
      return "";
    case StreamTrouble::kDamaged:
      return "damaged";
    case StreamTrouble::kNewer:
      return "newer";
    case StreamTrouble::kMoved:
      return "moved";
    case StreamTrouble::kDeleted:
      return "deleted";
    case StreamTrouble::kReplaced:
      return "replaced";
    case StreamTrouble::kShortened:
      return "shortened";
    case StreamTrouble::kBeginningDeleted:
      return "beginning_deleted";
    case StreamTrouble::kSettings:
      return "settings";
    case StreamTrouble::kLocalCopy:
      return "local_copy";
  }
  return "";
}

absl::string_view RemedyOf(StreamTrouble trouble) {
  switch (trouble) {
    case StreamTrouble::kNone:
      return "";
    case StreamTrouble::kDamaged:
      return "stop purser and restore the log from a backup";
    case StreamTrouble::kNewer:
      return "start the version of purser that wrote it";
    case StreamTrouble::kMoved:
      return "start purser on the log that it was moved to";
    case StreamTrouble::kDeleted:
    case StreamTrouble::kReplaced:
    case StreamTrouble::kShortened:
    case StreamTrouble::kBeginningDeleted:
      return "stop every node, bring the topic back whole, and start them again; the data folders "
             "still hold what was read of it: keep them";
    case StreamTrouble::kSettings:
      return "set the topic's settings right; writing then goes on by itself";
    case StreamTrouble::kLocalCopy:
      return "look at the disk of the data folder, then start this node again";
  }
  return "";
}

}  // namespace purser
