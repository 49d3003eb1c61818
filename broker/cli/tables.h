// The admin API's messages as tables.
#pragma once

#include <string>

#include "google/protobuf/timestamp.pb.h"
#include "purser/admin/v1/admin.pb.h"

namespace purser {

// "2026-11-20T10:00:00Z"; "-" where it is not set.
std::string TimeCell(bool has, const google::protobuf::Timestamp& time);

// Counts, and the lines that were refused.
std::string ImportTable(const admin::v1::ImportReport& report);
std::string AppliedTable(const admin::v1::ApplyResponse& response);
std::string AppsTable(const admin::v1::ListAppsResponse& response);
std::string AppStatusText(const admin::v1::AppStatus& status);
std::string TimelineTable(const admin::v1::TimelineResponse& response);
std::string ExplanationText(const admin::v1::ExplainResponse& response);
std::string ParkedTable(const admin::v1::ListParkedResponse& response);
std::string RequestsTable(const admin::v1::ListRequestsResponse& response);
std::string DeliveriesTable(const admin::v1::ListDeliveriesResponse& response);
std::string JobsTable(const admin::v1::ListJobsResponse& response);
// "replay 0192..: running, 12 of 40 looked at, 3 sent".
std::string JobLine(const admin::v1::Job& job);
// What a dry run found that would be sent, and its job's line.
std::string PlannedText(const admin::v1::ListPlannedResponse& response);
std::string TokensTable(const admin::v1::ListTokensResponse& response);
// Each node's program, and what is left to do.
std::string UpgradeText(const admin::v1::UpgradeStatus& status);
std::string ModelTable(const admin::v1::ListModelsResponse& listed);
std::string CompareTable(const admin::v1::CompareModelsReport& report);
std::string VerifyTable(const admin::v1::VerifyLogReport& report);

}  // namespace purser
