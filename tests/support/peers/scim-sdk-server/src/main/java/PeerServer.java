import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import de.captaingoldfish.scim.sdk.common.constants.enums.HttpMethod;
import de.captaingoldfish.scim.sdk.common.resources.Group;
import de.captaingoldfish.scim.sdk.common.resources.ServiceProvider;
import de.captaingoldfish.scim.sdk.common.resources.User;
import de.captaingoldfish.scim.sdk.common.resources.complex.BulkConfig;
import de.captaingoldfish.scim.sdk.common.resources.complex.ETagConfig;
import de.captaingoldfish.scim.sdk.common.resources.complex.FilterConfig;
import de.captaingoldfish.scim.sdk.common.resources.complex.PatchConfig;
import de.captaingoldfish.scim.sdk.common.resources.complex.SortConfig;
import de.captaingoldfish.scim.sdk.common.resources.multicomplex.AuthenticationScheme;
import de.captaingoldfish.scim.sdk.common.response.ScimResponse;
import de.captaingoldfish.scim.sdk.common.utils.JsonHelper;
import de.captaingoldfish.scim.sdk.server.endpoints.Context;
import de.captaingoldfish.scim.sdk.server.endpoints.ResourceEndpoint;
import de.captaingoldfish.scim.sdk.server.endpoints.authorize.Authorization;
import de.captaingoldfish.scim.sdk.server.endpoints.base.GroupEndpointDefinition;
import de.captaingoldfish.scim.sdk.server.endpoints.base.UserEndpointDefinition;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.regex.Pattern;

/**
 * scim-sdk-server on the JDK's HttpServer: PeerServer PORT TOKEN [COUNT TEMPLATE].
 *
 * <p>It begins with COUNT users of the file TEMPLATE, whose {n} is each one's number in nine digits.
 */
public final class PeerServer {
  private static final String FEATURES =
      "urn:gold:params:scim:schemas:extension:url:2.0:ResourceTypeFeatures";
  private static final Set<String> TYPES = Set.of("User", "Group");
  private static final Pattern DISCOVERY = Pattern.compile("^/v2/(ResourceTypes|Schemas)");

  private final Users users = new Users();
  private final ResourceEndpoint endpoint = new ResourceEndpoint(
      provider(), new UserEndpointDefinition(users), new GroupEndpointDefinition(new Groups()));
  private final Authorization authorization;
  private final String base;

  // The library reads the type of resource off the class's own declaration.
  private static final class Users extends Store<User> {
    Users() {
      super(User.class, "userName", user -> user.getUserName().get());
    }
  }

  private static final class Groups extends Store<Group> {
    Groups() {
      super(Group.class, null, null);
    }
  }

  private PeerServer(int port, String token) {
    base = "http://127.0.0.1:" + port;
    endpoint.addDefaultPatchWorkarounds();
    authorization = new Authorization() {
      @Override
      public Set<String> getClientRoles() {
        return Set.of();
      }

      @Override
      public boolean authenticate(Map<String, String> headers, Map<String, String> parameters) {
        return ("Bearer " + token).equals(headers.get("Authorization"));
      }
    };
  }

  public static void main(String[] arguments) throws IOException {
    System.setProperty("sun.net.httpserver.nodelay", "true");
    int port = Integer.parseInt(arguments[0]);
    PeerServer peer = new PeerServer(port, arguments[1]);
    if (arguments.length > 2) {
      peer.fill(Integer.parseInt(arguments[2]), Files.readString(Path.of(arguments[3])));
    }
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 1024);
    server.setExecutor(Executors.newFixedThreadPool(16));
    server.createContext("/v2", peer::serve);
    server.start();
  }

  private void fill(int count, String template) {
    for (int n = 1; n <= count; ++n) {
      String text = template.replace("{n}", String.format("%09d", n));
      users.createResource(JsonHelper.readJsonDocument(text, User.class), null);
    }
  }

  private static ServiceProvider provider() {
    return ServiceProvider.builder()
        .filterConfig(FilterConfig.builder().supported(true).maxResults(1000).build())
        .sortConfig(SortConfig.builder().supported(true).build())
        .patchConfig(PatchConfig.builder().supported(true).build())
        .eTagConfig(ETagConfig.builder().supported(true).build())
        .bulkConfig(BulkConfig.builder().supported(true).maxOperations(1000)
            .maxPayloadSize(32L << 20).build())
        .lenientContentTypeChecking(true)
        .authenticationSchemes(List.of(AuthenticationScheme.builder().name("bearer")
            .description("a token that was agreed on").type("oauthbearertoken").build()))
        .build();
  }

  // Clients that find their way by discovery would end at what the library says of itself: resource
  // types that /Schemas does not describe (Schema, ResourceType...), an extension of its own in
  // each, and references to a type named "resource".
  private static String discovered(ScimResponse response) {
    for (JsonNode one : response.findParents(FEATURES)) {
      ((ObjectNode) one).remove(FEATURES);
      ((ArrayNode) one.get("schemas")).removeIf(schema -> schema.textValue().equals(FEATURES));
    }
    boolean types = response.findValue("endpoint") != null;
    if (types && response.get("Resources") instanceof ArrayNode all) {
      all.removeIf(type -> !TYPES.contains(type.get("name").textValue()));
      response.put("totalResults", all.size()).put("itemsPerPage", all.size());
    }
    return response.toString().replace(
        "\"referenceTypes\":[\"resource\"]", "\"referenceTypes\":[\"User\",\"Group\"]");
  }

  private void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      Map<String, String> headers = new HashMap<>();
      exchange.getRequestHeaders().forEach((name, values) -> headers.put(name, values.get(0)));
      String body =
          new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
      ScimResponse response = endpoint.handleRequest(base + exchange.getRequestURI(),
          HttpMethod.valueOf(exchange.getRequestMethod()), body.isEmpty() ? null : body, headers,
          new Context(authorization));
      response.getHttpHeaders().forEach(exchange.getResponseHeaders()::set);
      boolean empty = response.getHttpStatus() == 204 || response.getHttpStatus() == 304;
      boolean discovery = DISCOVERY.matcher(exchange.getRequestURI().getPath()).find();
      String text = empty ? "" : discovery ? discovered(response) : response.toString();
      byte[] answer = text.getBytes(StandardCharsets.UTF_8);
      exchange.sendResponseHeaders(response.getHttpStatus(), empty ? -1 : answer.length);
      exchange.getResponseBody().write(answer);
    }
  }
}
