// A node of OpenSearch inside a plain JVM, without the archive that it is shipped in: HTTP on loopback, one node, no
// security. Started from its source: java -cp JARS OpenSearchNode.java HOME HTTP_PORT
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.opensearch.analysis.common.CommonAnalysisPlugin;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.painless.PainlessPlugin;
import org.opensearch.transport.Netty4Plugin;

public class OpenSearchNode extends Node {
    OpenSearchNode(Environment environment) {
        // The plugins that a node cannot do without here: HTTP, analyzers, and scripts of updates.
        super(environment, List.of(Netty4Plugin.class, CommonAnalysisPlugin.class, PainlessPlugin.class), false);
    }

    static Environment environment(Path home, String port) {
        Settings settings = Settings.builder()
            .put("cluster.name", "penstock-tests")
            .put("node.name", "only")
            .put("discovery.type", "single-node")
            .put("path.home", home)
            .put("path.data", home.resolve("data"))
            .put("network.host", "127.0.0.1")
            .put("http.port", port)
            .put("transport.port", "0")
            .put("http.type", "netty4")
            .put("transport.type", "netty4")
            .put("node.processors", 2)
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .build();
        return InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), home, () -> "only");
    }

    public static void main(String[] arguments) throws Exception {
        new OpenSearchNode(environment(Path.of(arguments[0]), arguments[1])).start();
        Thread.currentThread().join();
    }
}
