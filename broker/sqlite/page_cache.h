// How much memory the page caches of this process may take.
#pragma once

namespace purser {

// From now on a database is opened with a cache of at most so many KiB, whatever its owner asks
// for (DatabaseOptions::cache_kib). Thread-safe; those that are open stay as they are.
void LimitPageCaches(int kib);

// What a database that asks for so many KiB is given.
int GrantedPageCache(int asked_kib);

}  // namespace purser
