import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Kafka Streams, a bare count: decodes an event, counts by customer, sums amounts, keeps the last time. State in
 * RocksDB with its changelog topic; caching, commit interval and the rest as they come. The guarantee is the first
 * argument. Says ONCE when it has seen the stream once, WARM when its warm-up is over, and DONE when all is processed,
 * flushed and committed.
 */
public final class KeyedCount {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** What is kept of a customer. */
    public record Counted(long count, double sum, String last) {
        Counted with(JsonNode event) {
            return new Counted(count + 1, sum + event.path("data").path("amount").asDouble(), event.path("time").asText());
        }
    }

    private KeyedCount() {}

    public static void main(String[] arguments) throws InterruptedException {
        String topic = System.getenv("BENCH_TOPIC");
        long once = Long.parseLong(System.getenv("BENCH_ONCE"));
        long warm = Long.parseLong(System.getenv("BENCH_WARM"));
        long all = Long.parseLong(System.getenv("BENCH_EVENTS"));
        AtomicLong seen = new AtomicLong();
        CountDownLatch done = new CountDownLatch(1);

        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(topic, Consumed.with(Serdes.Bytes(), json(JsonNode.class)))
            .peek((customer, event) -> {
                long count = seen.incrementAndGet();
                if (count == once) {
                    System.out.println("ONCE");
                }
                if (count == warm) {
                    System.out.println("WARM");
                } else if (count == all) {
                    done.countDown();
                }
            })
            .groupByKey(Grouped.with(Serdes.Bytes(), json(JsonNode.class)))
            .aggregate(
                () -> new Counted(0, 0.0, ""),
                (customer, event, counted) -> counted.with(event),
                Materialized.<Bytes, Counted, KeyValueStore<Bytes, byte[]>>as("counts")
                    .withKeySerde(Serdes.Bytes())
                    .withValueSerde(json(Counted.class)));

        KafkaStreams streams = new KafkaStreams(builder.build(), settings(topic, arguments[0]));
        streams.start();
        done.await();
        streams.close();
        System.out.println("DONE");
        Thread.sleep(60_000);
    }

    private static Properties settings(String topic, String guarantee) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, topic + "-streams-" + guarantee);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, System.getenv("BENCH_BROKERS"));
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, guarantee);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, System.getenv("BENCH_FOLDER"));
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        return settings;
    }

    private static <T> Serde<T> json(Class<T> type) {
        return Serdes.serdeFrom(
            (topic, value) -> {
                try {
                    return value == null ? null : JSON.writeValueAsBytes(value);
                } catch (IOException error) {
                    throw new UncheckedIOException(error);
                }
            },
            (topic, bytes) -> {
                try {
                    return bytes == null ? null : JSON.readValue(bytes, type);
                } catch (IOException error) {
                    throw new UncheckedIOException(error);
                }
            });
    }
}
