import de.captaingoldfish.scim.sdk.common.constants.ScimType;
import de.captaingoldfish.scim.sdk.common.constants.enums.Comparator;
import de.captaingoldfish.scim.sdk.common.constants.enums.SortOrder;
import de.captaingoldfish.scim.sdk.common.exceptions.ConflictException;
import de.captaingoldfish.scim.sdk.common.exceptions.ResourceNotFoundException;
import de.captaingoldfish.scim.sdk.common.resources.ResourceNode;
import de.captaingoldfish.scim.sdk.common.resources.complex.Meta;
import de.captaingoldfish.scim.sdk.common.schemas.SchemaAttribute;
import de.captaingoldfish.scim.sdk.common.utils.JsonHelper;
import de.captaingoldfish.scim.sdk.server.endpoints.Context;
import de.captaingoldfish.scim.sdk.server.endpoints.ResourceHandler;
import de.captaingoldfish.scim.sdk.server.endpoints.features.EndpointType;
import de.captaingoldfish.scim.sdk.server.filter.AttributeExpressionLeaf;
import de.captaingoldfish.scim.sdk.server.filter.FilterNode;
import de.captaingoldfish.scim.sdk.server.filter.resources.FilterResourceResolver;
import de.captaingoldfish.scim.sdk.server.response.PartialListResponse;
import de.captaingoldfish.scim.sdk.server.sort.ResourceNodeComparator;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;

/** Resources in memory: in the order of their creation, by id, and by a name that is unique. */
class Store<T extends ResourceNode> extends ResourceHandler<T> {
  private static final class Place<T> {
    volatile T resource;
  }

  private final Class<T> type;
  private final String unique; // the attribute that nameOf reads; null where none is unique
  private final Function<T, String> nameOf;
  private final List<Place<T>> order = new ArrayList<>();
  private final Map<String, Place<T>> byId = new HashMap<>();
  private final Map<String, Place<T>> byName = new HashMap<>();

  Store(Class<T> type, String unique, Function<T, String> nameOf) {
    this.type = type;
    this.unique = unique;
    this.nameOf = nameOf;
  }

  @Override
  public synchronized T createResource(T resource, Context context) {
    Place<T> place = new Place<>();
    takeName(resource, place);
    resource.setId(UUID.randomUUID().toString());
    setTimes(resource, Instant.now(), Instant.now());
    place.resource = resource;
    order.add(place);
    byId.put(resource.getId().get(), place);
    return resource;
  }

  @Override
  public T getResource(String id, List<SchemaAttribute> attributes,
      List<SchemaAttribute> excludedAttributes, Context context) {
    Place<T> place = placeOf(id);
    return place == null ? null : place.resource;
  }

  /** A copy, since it is changed before it is known to be right. */
  @Override
  public T getResourceForUpdate(String id, List<SchemaAttribute> attributes,
      List<SchemaAttribute> excludedAttributes, Context context, EndpointType endpoint) {
    T resource = getResource(id, attributes, excludedAttributes, context);
    return resource == null ? null : JsonHelper.copyResourceToObject(resource.deepCopy(), type);
  }

  @Override
  public PartialListResponse<T> listResources(long startIndex, int count, FilterNode filter,
      SchemaAttribute sortBy, SortOrder sortOrder, List<SchemaAttribute> attributes,
      List<SchemaAttribute> excludedAttributes, Context context) {
    if (filter == null && sortBy == null) return pageOfAll(startIndex, count);
    List<T> found = filter == null ? all() : matching(filter);
    if (sortBy != null) {
      found = new ArrayList<>(found);
      found.sort(new ResourceNodeComparator(sortBy, sortOrder));
    }
    return answer(found.stream().skip(startIndex - 1).limit(count).toList(), found.size());
  }

  @Override
  public synchronized T updateResource(T resource, Context context) {
    Place<T> place = existing(resource.getId().get());
    takeName(resource, place);
    setTimes(resource, place.resource.getMeta().get().getCreated().get(), Instant.now());
    place.resource = resource;
    return resource;
  }

  @Override
  public synchronized void deleteResource(String id, Context context) {
    Place<T> place = existing(id);
    byId.remove(id);
    if (unique != null) byName.remove(nameKey(place.resource));
    order.remove(place);
  }

  private static void setTimes(ResourceNode resource, Instant created, Instant lastModified) {
    if (resource.getMeta().isEmpty()) resource.setMeta(new Meta());
    Meta meta = resource.getMeta().get();
    meta.setCreated(created);
    meta.setLastModified(lastModified);
  }

  private synchronized Place<T> placeOf(String id) {
    return byId.get(id);
  }

  private Place<T> existing(String id) {
    Place<T> place = byId.get(id);
    if (place == null) throw new ResourceNotFoundException("there is no " + id);
    return place;
  }

  private String nameKey(T resource) {
    return nameOf.apply(resource).toLowerCase(Locale.ROOT);
  }

  private void takeName(T resource, Place<T> place) {
    if (unique == null) return;
    Place<T> holder = byName.putIfAbsent(nameKey(resource), place);
    if (holder != null && holder != place) {
      throw new ConflictException(unique + " is taken", ScimType.RFC7644.UNIQUENESS);
    }
    if (place.resource != null && !nameKey(place.resource).equals(nameKey(resource))) {
      byName.remove(nameKey(place.resource));
    }
  }

  private synchronized List<T> all() {
    List<T> resources = new ArrayList<>(order.size());
    for (Place<T> place : order) resources.add(place.resource);
    return resources;
  }

  private synchronized PartialListResponse<T> pageOfAll(long startIndex, int count) {
    int from = (int) Math.min(startIndex - 1, order.size());
    int to = Math.min(from + count, order.size());
    List<T> page = new ArrayList<>(to - from);
    for (Place<T> place : order.subList(from, to)) page.add(place.resource);
    return answer(page, order.size());
  }

  private List<T> matching(FilterNode filter) {
    if (unique != null && filter instanceof AttributeExpressionLeaf leaf
        && leaf.getComparator() == Comparator.EQ && leaf.getAttributeName().equals(unique)) {
      synchronized (this) {
        Place<T> place = byName.get(leaf.getValue().toLowerCase(Locale.ROOT));
        return place == null ? List.of() : List.of(place.resource);
      }
    }
    return FilterResourceResolver.filterResources(getServiceProvider(), all(), filter);
  }

  private PartialListResponse<T> answer(List<T> page, long total) {
    return PartialListResponse.<T>builder().resources(page).totalResults(total).build();
  }
}
