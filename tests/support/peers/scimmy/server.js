// scimmy under Express, with everything in memory, as one of its users would write it.
//
// node server.js PORT TOKEN [COUNT TEMPLATE]
//
// It begins with COUNT users of the file TEMPLATE, whose {n} is each one's number in nine digits.
//
// Express 4: under Express 5 a query is parsed anew each time it is read, and the numbers that
// scimmy-routers makes of startIndex and count are lost.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const [port, token, count, template] = process.argv.slice(2);

// Resources in the order of their creation, by id, and by the attribute `unique` where one is.
class Store {
  constructor(unique) {
    this.unique = unique;
    this.order = [];
    this.byId = new Map();
    this.byName = new Map();
  }

  find(id) {
    const place = this.byId.get(id);
    if (!place) throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
    return place;
  }

  // The resource that a reader names, or a page of those that it asks for.
  read(reader) {
    if (reader.id) return this.find(reader.id).resource;
    return pageOf(sorted(this.matching(reader.filter), reader.constraints ?? {}), reader);
  }

  matching(filter) {
    const named = this.named(filter);
    if (named) return named;
    const all = this.order.map((place) => place.resource);
    return filter ? filter.match(all) : all;
  }

  // Those that `userName eq "..."` means, by the index; undefined for any other filter.
  named(filter) {
    if (filter?.length !== 1) return undefined;
    const [[attribute, comparison], ...more] = Object.entries(filter[0]);
    if (more.length || attribute !== this.unique || !Array.isArray(comparison)) return undefined;
    if (comparison[0] !== "eq" || typeof comparison[1] !== "string") return undefined;
    const place = this.byName.get(comparison[1].toLowerCase());
    return place ? [place.resource] : [];
  }

  write(id, given) {
    const place = id ? this.find(id) : {};
    const before = place.resource;
    this.takeName(place, given);
    const now = new Date();
    const meta = { created: before?.meta.created ?? now, lastModified: now };
    place.resource = { ...given, id: id ?? randomUUID(), meta };
    if (!before) this.order.push(place);
    this.byId.set(place.resource.id, place);
    return place.resource;
  }

  takeName(place, given) {
    if (!this.unique) return;
    const name = given[this.unique].toLowerCase();
    const holder = this.byName.get(name);
    if (holder && holder !== place) {
      throw new SCIMMY.Types.Error(409, "uniqueness", `${this.unique} is taken`);
    }
    if (place.resource) this.byName.delete(place.resource[this.unique].toLowerCase());
    this.byName.set(name, place);
  }

  remove(id) {
    const place = this.find(id);
    this.byId.delete(id);
    if (this.unique) this.byName.delete(place.resource[this.unique].toLowerCase());
    this.order.splice(this.order.indexOf(place), 1);
  }
}

function sorted(resources, { sortBy, sortOrder }) {
  if (!sortBy) return resources;
  const path = sortBy.split(".");
  const keyOf = (resource) => {
    let value = path.reduce((at, name) => at?.[name], resource);
    if (Array.isArray(value)) value = (value.find((one) => one.primary) ?? value[0])?.value;
    return typeof value === "string" ? value.toLowerCase() : value;
  };
  const keyed = resources.map((resource) => ({ key: keyOf(resource), resource }));
  keyed.sort((a, b) => (a.key === b.key ? 0 : a.key === undefined || a.key > b.key ? 1 : -1));
  if (sortOrder === "descending") keyed.reverse();
  return keyed.map((one) => one.resource);
}

// A ListResponse makes each resource that it is given ready to be sent, so it is given the page
// alone where it understands that: it cuts off what comes before `startIndex` once it has as many.
function pageOf(found, resource) {
  const { startIndex = 1, count = 20 } = resource.constraints ?? {};
  if (startIndex > found.length) return withTotal([], found.length, resource);
  const page = startIndex > count || startIndex === 1
    ? found.slice(startIndex - 1, startIndex - 1 + count)
    : found.slice(0, startIndex - 1 + count);
  if (page.length >= startIndex && found.length === page.length + startIndex - 1) return found;
  return withTotal(page, found.length, resource);
}

function withTotal(page, totalResults, resource) {
  resource.constraints = { ...resource.constraints, totalResults };
  return page;
}

function declare(type, store) {
  SCIMMY.Resources.declare(type)
    .ingress((resource, data) => store.write(resource.id, data))
    .egress((resource) => store.read(resource))
    .degress((resource) => store.remove(resource.id));
}

SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false);
const users = new Store("userName");
declare(SCIMMY.Resources.User, users);
declare(SCIMMY.Resources.Group, new Store());
SCIMMY.Config.set({
  bulk: { supported: true, maxOperations: 1000, maxPayloadSize: 32 << 20 },
  filter: { supported: true, maxResults: 1000 },
});

const user = count ? readFileSync(template, "utf8") : "";
for (let n = 1; n <= Number(count ?? 0); ++n) {
  users.write(undefined, JSON.parse(user.replaceAll("{n}", String(n).padStart(9, "0"))));
}

const app = express();
app.disable("x-powered-by");
app.set("etag", false);
app.use("/v2", new SCIMMYRouters({
  type: "bearer",
  baseUri: (request) => `${request.protocol}://${request.headers.host}`,
  handler: (request) => {
    if (request.headers.authorization !== `Bearer ${token}`) throw new Error("who are you?");
  },
}));
app.use((error, request, response, next) => response.end());
app.listen(Number(port), "127.0.0.1");
