import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.flume.FlumeException;
import org.apache.flume.api.RpcClient;
import org.apache.flume.api.RpcClientFactory;
import org.apache.flume.event.EventBuilder;

/** Reads "NUMBER PORT KIND MESSAGE" from each line, appends the message, and writes "NUMBER OK", or why not. */
public class FlumeClient {
    public static void main(String[] none) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(8);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] asked = line.split(" ", 4);
            threads.execute(() -> say(asked[0], append(asked[1], asked[2], asked[3])));
        }
        System.exit(0);
    }

    private static synchronized void say(String number, String what) {
        System.out.println(number + " " + what.replace('\n', ' '));
        System.out.flush();
    }

    private static String append(String port, String kind, String message) {
        RpcClient client = null;
        while (client == null) {
            try {
                client = RpcClientFactory.getInstance(properties(port, kind));
            } catch (FlumeException nobodyThereYet) {
                pause();
            }
        }
        try {
            client.append(EventBuilder.withBody(message.getBytes(StandardCharsets.UTF_8), Map.of("kind", kind)));
            return "OK";
        } catch (Exception error) {
            return String.valueOf(error.getMessage());
        } finally {
            client.close();
        }
    }

    private static Properties properties(String port, String kind) {
        Properties properties = new Properties();
        properties.setProperty("client.type", kind.startsWith("thrift") ? "thrift" : "default");
        properties.setProperty("protocol", kind.endsWith("binary") ? "binary" : "compact");
        properties.setProperty("hosts", "h");
        properties.setProperty("hosts.h", "127.0.0.1:" + port);
        properties.setProperty("request-timeout", "60000");
        properties.setProperty("maxIoWorkers", "1");
        return properties;
    }

    private static void pause() {
        try {
            Thread.sleep(50);
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        }
    }
}
