package wxctl;

import android.content.Intent;
import android.net.Uri;
import android.os.Build;
import android.os.Process;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.RandomAccessFile;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Answers requests, one JSON object a line, until its input ends. README.md describes the lines. */
public final class Agent {
    private static final String PREFIX = "wxctl-agent-";

    private final Logs logs = new Logs();
    /** What the current request has opened, if anything. */
    private Provider provider;
    private final File own = new File(System.getProperty("java.class.path", ""));

    public static void main(String[] args) throws Throwable {
        int uid = Process.myUid();
        JSONObject hello = new JSONObject().put("agent", "1").put("api", Build.VERSION.SDK_INT).put("uid", uid).put("pid", Process.myPid());
        if (uid == 0 || uid == Process.SYSTEM_UID) {
            // The system issues no URI grants for them, and lets them do what no app can.
            print(hello.put("error", error("ForbiddenUser", "the agent does not run as uid " + uid)));
            System.exit(1);
        }
        print(hello);
        Agent agent = new Agent();
        // Shows that the file is in use. A file of another class path is not changed.
        if (agent.own.getName().startsWith(PREFIX)) agent.own.setLastModified(System.currentTimeMillis());
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int b; (b = System.in.read()) >= 0; ) {
            if (b != '\n') {
                if (line.size() <= 4 << 20) line.write(b);
                continue;
            }
            agent.answer(line);
            line = new ByteArrayOutputStream();
        }
        agent.logs.end();
        System.exit(0);
    }

    private void answer(ByteArrayOutputStream line) throws Throwable {
        JSONObject out = new JSONObject().put("id", 0);
        try {
            if (line.size() > 4 << 20) throw new JSONException("a line of more than 4 MiB");
            JSONObject request = new JSONObject(line.toString("UTF-8"));
            out.put("id", request.opt("id"));
            provider = null;
            JSONObject ok;
            try {
                ok = run(request, request.getString("verb"), request.optInt("user"));
            } finally {
                if (provider != null) provider.close();
            }
            out.put("ok", ok);
        } catch (Throwable e) {
            out.put("error", error(e.getClass().getSimpleName(), e.getMessage()));
        }
        print(out);
    }

    private JSONObject run(JSONObject request, String verb, int user) throws Throwable {
        if (verb.equals("start") || verb.equals("send")) {
            Intent intent = Wire.intent(request.getJSONObject("intent"));
            if (verb.equals("send")) Activities.grant(intent);
            return Activities.start(intent, user);
        }
        if (verb.equals("index") || verb.equals("remove")) {
            File file = Provider.shared(request.getString("path"));
            provider = new Provider("media", user);
            return verb.equals("index") ? provider.index(file) : provider.remove(file, Uri.parse(request.getString("uri")));
        }
        if (verb.equals("inspect")) return new Inspect(user).app(request.getString("package"), request.optBoolean("brief"));
        if (verb.equals("packages")) return new Inspect(user).list();
        if (verb.equals("users")) return Activities.users();
        if (verb.equals("top")) return Activities.top();
        if (verb.equals("tasks")) return Activities.tasks(request.getString("component"), user);
        if (verb.equals("state")) return Activities.state(user);
        if (verb.equals("watch")) return logs.watch(Wire.texts(request, "buffers"));
        if (verb.equals("clean")) return clean();
        if (verb.equals("read")) return read(request.getString("path"), request.optLong("at"), request.optInt("count"));
        if (!verb.equals("stop")) throw new JSONException("no verb " + verb);
        Phone.activity("forceStopPackage", new Object[] {request.getString("package"), user});
        return new JSONObject();
    }

    private static JSONObject error(String kind, String message) throws Throwable {
        if (message != null && message.length() > 2000) message = message.substring(0, 2000);
        return new JSONObject().put("kind", kind).put("message", message);
    }

    /** Writes one line. If nobody reads any more, there is nothing left to do. */
    static synchronized void print(JSONObject line) throws Throwable {
        String text = line.toString();
        // Up to three bytes a char.
        if (text.length() > 1 << 20) {
            line.remove("ok");
            text = line.put("error", error("TooLong", text.length() + " chars")).toString();
        }
        System.out.println(text);
        if (System.out.checkError()) System.exit(1);
    }

    /** A part of a file, as much as fits into a line. */
    private static JSONObject read(String path, long at, int count) throws Throwable {
        RandomAccessFile file = new RandomAccessFile(path, "r");
        try {
            byte[] bytes = new byte[(int) Math.max(0, Math.min(Math.min(count, 512 << 10), file.length() - at))];
            file.seek(at);
            file.readFully(bytes);
            return new JSONObject().put("size", file.length()).put("data", Wire.base64(bytes));
        } finally {
            file.close();
        }
    }

    private JSONObject clean() throws Throwable {
        JSONArray removed = new JSONArray();
        File[] files = own.getParentFile().listFiles();
        for (int i = 0; files != null && i < files.length; i++) {
            File file = files[i];
            boolean unused = file.lastModified() < System.currentTimeMillis() - 7L * 24 * 3600 * 1000;
            if (unused && file.getName().startsWith(PREFIX) && !file.equals(own) && file.delete()) removed.put(file.getPath());
        }
        return new JSONObject().put("removed", removed);
    }
}
