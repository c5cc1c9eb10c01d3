import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
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
 * The bare job of Kafka Streams: count records by key, in a durable store with its changelog; nothing is decoded.
 * Arguments: bootstrap servers, topic, guarantee, state folder, records to warm up, records in all. Says WARM and DONE.
 */
public final class KeyedCount {
    private KeyedCount() {}

    public static void main(String[] arguments) throws InterruptedException {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[1] + "-count-" + arguments[2]);
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, arguments[2]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[3]);
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        long warm = Long.parseLong(arguments[4]);
        long all = Long.parseLong(arguments[5]);
        AtomicLong seen = new AtomicLong();
        CountDownLatch done = new CountDownLatch(1);

        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(arguments[1], Consumed.with(Serdes.Bytes(), Serdes.Bytes()))
            .peek((key, value) -> {
                long count = seen.incrementAndGet();
                if (count == warm) {
                    System.out.println("WARM");
                } else if (count == all) {
                    System.out.println("DONE");
                    done.countDown();
                }
            })
            .groupByKey(Grouped.with(Serdes.Bytes(), Serdes.Bytes()))
            .count(Materialized.<Bytes, Long, KeyValueStore<Bytes, byte[]>>as("counts"));

        try (KafkaStreams streams = new KafkaStreams(builder.build(), settings)) {
            streams.start();
            done.await();
        }
    }
}
