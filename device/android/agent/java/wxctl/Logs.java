package wxctl;

import android.os.Build;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Arrays;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** The verb watch: logcat's lines as events. */
final class Logs extends Thread {
    private Process logcat;

    /** Starts to watch. What was logged in the second before may come too. */
    JSONObject watch(String[] buffers) throws Throwable {
        if (buffers == null || buffers.length == 0 || logcat != null) throw new JSONException("no buffers, or watching already");
        // The uid is known to logcat from API 26 on.
        StringBuilder command = new StringBuilder("logcat -v threadtime -v epoch -v ").append(Build.VERSION.SDK_INT < 26 ? "epoch" : "uid");
        for (String buffer : buffers) {
            if (!buffer.matches("[a-z]+")) throw new JSONException("no buffer " + buffer);
            command.append(" -b ").append(buffer);
        }
        command.append(" -T ").append(System.currentTimeMillis() / 1000).append(".0");
        logcat = new ProcessBuilder(command.toString().split(" ")).redirectErrorStream(true).start();
        setDaemon(true);
        start();
        return new JSONObject().put("buffers", new JSONArray(Arrays.asList(buffers)));
    }

    void end() {
        if (logcat != null) logcat.destroy();
    }

    @Override
    public void run() {
        try {
            BufferedReader lines = new BufferedReader(new InputStreamReader(logcat.getInputStream()));
            for (String line; (line = lines.readLine()) != null; ) event(line);
        } catch (Throwable e) {
            e.printStackTrace();
        }
    }

    private void event(String line) throws Throwable {
        if (line.startsWith("---------")) return; // "beginning of" and "switch to" a buffer
        if (line.length() > 8192) line = line.substring(0, 8192);
        double time = System.currentTimeMillis();
        try {
            time = Double.parseDouble(line.trim().split(" ")[0]) * 1000;
        } catch (NumberFormatException e) {
            // The rest of a value with a newline in it: now is close enough.
        }
        Agent.print(new JSONObject().put("event", new JSONObject().put("line", line).put("atMs", (long) time)));
    }
}
