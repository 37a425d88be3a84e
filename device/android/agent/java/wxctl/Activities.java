package wxctl;

import android.app.ActivityManager;
import android.content.ComponentName;
import android.content.Intent;
import android.content.pm.ParceledListSlice;
import android.content.pm.UserInfo;
import android.os.Build;
import java.lang.reflect.Field;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** The verbs about activities, users and what is in front. */
final class Activities {
    private Activities() {}

    static JSONObject start(Intent intent, int user) throws Throwable {
        long at = System.currentTimeMillis();
        // Unchanged from API 24 to 37. No thread of ours is attached, so the caller is null.
        int result = (Integer) Phone.activity("startActivityAsUser",
            new Object[] {null, Phone.SHELL, intent, null, null, null, 0, 0, null, null, user});
        return new JSONObject().put("result", result).put("word", word(result)).put("atMs", at);
    }

    /** What the sender's own process does to a share before sending it: without it no read access is granted. */
    static void grant(Intent intent) throws Throwable {
        if (!String.valueOf(intent.getAction()).startsWith(Intent.ACTION_SEND)) throw new JSONException("not an action that sends");
        // The framework's own migrateExtraStreamToClipData needs a Context from API 37 on, and will be removed.
        if (intent.getClipData() == null && intent.getExtras() != null) {
            Object stream = intent.getExtras().get(Intent.EXTRA_STREAM);
            Wire.clip(intent, stream instanceof List ? ((List<?>) stream).toArray() : stream == null ? null : new Object[] {stream});
        }
        intent.addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION);
    }

    /** The name of ActivityManager's constant: the errors have other numbers below API 26. */
    private static String word(int result) throws Throwable {
        for (Field f : ActivityManager.class.getFields()) {
            String name = f.getName();
            if (name.startsWith("START_") && f.getType() == int.class && f.getInt(null) == result && !name.startsWith("START_FLAG")) {
                return name.substring(6);
            }
        }
        return null;
    }

    static JSONObject top() throws Throwable {
        List<?> tasks = (List<?>) Phone.activity("getTasks", new Object[] {1}, new Object[] {1, 0});
        if (tasks.isEmpty()) return new JSONObject();
        ActivityManager.RunningTaskInfo task = (ActivityManager.RunningTaskInfo) tasks.get(0);
        return new JSONObject().put("activity", name(task.topActivity)).put("base", name(task.baseActivity)).put("task", task.id);
    }

    /**
     * The extras of the Intents that tasks of an activity were made with. The
     * tasks of others stay here. API 30 strips them of their extras, and so
     * does getTasks below it.
     */
    static JSONObject tasks(String component, int user) throws Throwable {
        List<?> tasks = Build.VERSION.SDK_INT > 30
            ? (List<?>) Phone.service("activity_task", "android.app.IActivityTaskManager", "getTasks", new Object[] {99, false, true}, new Object[] {99, false, true, -1})
            // With those that are excluded from recents.
            : ((ParceledListSlice<?>) Phone.activity("getRecentTasks", new Object[] {99, 1, user})).getList();
        JSONArray found = new JSONArray();
        for (Object task : tasks) {
            Intent intent = (Intent) Phone.field(task, "baseIntent");
            if (component.equals(name(intent.getComponent())) && Phone.field(task, "userId").equals(user)) found.put(Wire.extras(intent.getExtras()));
        }
        return new JSONObject().put("tasks", found);
    }

    private static String name(ComponentName component) {
        return component == null ? null : component.flattenToString();
    }

    static JSONObject state(int user) throws Throwable {
        String windows = "android.view.IWindowManager";
        return new JSONObject()
            .put("screenOn", Phone.service("power", "android.os.IPowerManager", "isInteractive", new Object[] {}))
            .put("keyguard", Phone.service("window", windows, "isKeyguardLocked", new Object[] {}))
            .put("secure", Phone.service("window", windows, "isKeyguardSecure", new Object[] {user}, new Object[] {}))
            .put("currentUser", current())
            .put("userUnlocked", running(user, 4));
    }

    private static int current() throws Throwable {
        return ((UserInfo) Phone.activity("getCurrentUser", new Object[] {})).id;
    }

    /** With the flags 0, or 4 (ActivityManager.FLAG_AND_UNLOCKED). */
    private static Object running(int user, int flags) throws Throwable {
        return Phone.activity("isUserRunning", new Object[] {user, flags});
    }

    static JSONObject users() throws Throwable {
        JSONArray users = new JSONArray();
        // Without those that are partial, dying or not yet visible, if the level distinguishes them.
        List<?> infos = (List<?>) Phone.service("user", "android.os.IUserManager", "getUsers", new Object[] {true}, new Object[] {true, true, true});
        for (Object o : infos) {
            UserInfo info = (UserInfo) o;
            users.put(new JSONObject().put("id", info.id).put("name", info.name)
                .put("profile", info.profileGroupId != UserInfo.NO_PROFILE_GROUP_ID && info.profileGroupId != info.id)
                .put("running", running(info.id, 0))
                .put("unlocked", running(info.id, 4)));
        }
        return new JSONObject().put("current", current()).put("users", users);
    }
}
