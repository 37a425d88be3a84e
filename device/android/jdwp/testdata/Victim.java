import java.util.LinkedHashMap;
import java.util.Map;

/** An app for a debugger to look into: entries are called again and again. */
public class Victim {
    static final int ANSWER = 42;
    static long counter;

    interface Greeter {
        default String greet(String whom) {
            return "hello " + whom;
        }
    }

    static class Base {
        String base() {
            return "of the superclass";
        }
    }

    static class Intent extends Base implements Greeter {
        String action;
        byte[] data = {1, 2, -3};
        Map<String, Object> extras = new LinkedHashMap<>();

        Intent(String action) {
            this.action = action;
        }

        String getAction() {
            return action;
        }

        Map<String, Object> getExtras() {
            return extras;
        }

        byte[] getData() {
            return data;
        }

        String fail() {
            throw new IllegalStateException("on purpose");
        }

        long sum(boolean b, byte y, int i, long l, double d, String s, String[] list) {
            return (b ? 1 : 0) + y + i + l + (long) d + (s == null ? 0 : s.length()) + (list == null ? 0 : list.length);
        }

        static String twice(String s) {
            return s + s;
        }

        static String join(String[] list) {
            return String.join(",", list);
        }

        static int total(byte[] bytes) {
            int n = 0;
            for (byte b : bytes) {
                n += b;
            }
            return n;
        }
    }

    static class Entry {
        int created;
        int renewed;

        void onCreate(long pad, Intent i) {
            created++;
        }

        void onNewIntent(Intent i) {
            renewed++;
        }
    }

    /** Loaded late, so that a debugger can wait for it. */
    static class Late {
        static void run(Intent i) {
            counter++;
        }
    }

    public static void main(String[] args) throws Exception {
        Entry entry = new Entry();
        Thread busy = new Thread(() -> {
            while (true) {
                counter++;
                try {
                    Thread.sleep(1);
                } catch (InterruptedException e) {
                    return;
                }
            }
        }, "busy");
        busy.setDaemon(true);
        busy.start();
        if (args.length > 0 && args[0].equals("auto")) { // nobody says lines
            while (true) {
                handle(entry, "auto");
                handle(entry, "late");
                Thread.sleep(50);
            }
        }
        // Each line of input calls the entries once and is answered.
        java.io.BufferedReader in = new java.io.BufferedReader(new java.io.InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null;) {
            handle(entry, line);
            System.out.println("done " + line + " " + entry.created + " " + entry.renewed);
        }
    }

    static int lines;

    static void handle(Entry entry, String line) {
        lines++;
        if (line.equals("late")) {
            Late.run(new Intent(line));
            return;
        }
        Intent intent = new Intent(line);
        intent.extras.put("code", lines);
        intent.extras.put("text", "微信 \uD83D\uDE00 \0 end");
        entry.onCreate(7L, intent);
        entry.onNewIntent(intent);
    }
}
