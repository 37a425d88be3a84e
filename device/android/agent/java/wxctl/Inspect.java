package wxctl;

import android.content.ComponentName;
import android.content.Intent;
import android.content.IntentFilter;
import android.content.pm.ActivityInfo;
import android.content.pm.ApplicationInfo;
import android.content.pm.PackageInfo;
import android.content.pm.PackageManager;
import android.content.pm.ParceledListSlice;
import android.content.pm.ProviderInfo;
import android.content.pm.ResolveInfo;
import android.content.pm.Signature;
import android.net.Uri;
import java.io.DataInputStream;
import java.util.Arrays;
import java.util.NoSuchElementException;
import java.util.TreeSet;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** The verbs inspect and packages. */
final class Inspect {
    /** MATCH_DIRECT_BOOT_AWARE and _UNAWARE, to get the same before and after the first unlock, and MATCH_DISABLED_COMPONENTS. */
    private static final int ALL = 0x80000 | 0x40000 | 0x200;

    private final int user;
    private final JSONArray notes = new JSONArray();

    Inspect(int user) {
        this.user = user;
    }

    private Object ask(String method, Object... args) throws Throwable {
        return Phone.service("package", "android.content.pm.IPackageManager", method, args);
    }

    private ActivityInfo entry(String name) throws Throwable {
        return (ActivityInfo) ask("getActivityInfo", new ComponentName(name, name + ".wxapi.WXEntryActivity"), ALL, user);
    }

    /** What both getPackageInfo and getInstalledPackages report. */
    private static JSONObject basics(PackageInfo info) throws Throwable {
        ApplicationInfo app = info.applicationInfo;
        return new JSONObject()
            .put("name", info.packageName)
            .put("versionCode", info.versionCode)
            .put("debuggable", (app.flags & ApplicationInfo.FLAG_DEBUGGABLE) != 0)
            .put("system", (app.flags & ApplicationInfo.FLAG_SYSTEM) != 0)
            .put("enabled", app.enabled);
    }

    /** With brief, all but the manifest. */
    JSONObject app(String name, boolean brief) throws Throwable {
        PackageInfo info = (PackageInfo) ask("getPackageInfo", name,
            PackageManager.GET_META_DATA | PackageManager.GET_PROVIDERS | PackageManager.GET_SIGNATURES | ALL, user);
        if (info == null) throw new NoSuchElementException("no package " + name + " for user " + user);
        ApplicationInfo app = info.applicationInfo;
        JSONArray certificates = new JSONArray();
        if (info.signatures != null) {
            for (Signature s : info.signatures) certificates.put(Wire.base64(s.toByteArray()));
        }
        JSONArray providers = new JSONArray();
        if (info.providers != null) {
            for (ProviderInfo p : info.providers) {
                providers.put(new JSONObject()
                    .put("name", p.name)
                    .put("authorities", new JSONArray(Arrays.asList(String.valueOf(p.authority).split(";"))))
                    .put("exported", p.exported)
                    .put("readPermission", p.readPermission)
                    .put("grants", p.grantUriPermissions));
            }
        }
        JSONObject metaData = new JSONObject();
        if (app.metaData != null) {
            for (String key : app.metaData.keySet()) metaData.put(key, String.valueOf(app.metaData.get(key)));
        }
        JSONArray schemes = schemes(name);
        return basics(info)
            .put("versionName", info.versionName)
            .put("uid", app.uid)
            .put("installer", noted("getInstallerPackageName", name))
            .put("targetSdk", app.targetSdkVersion)
            .put("suspended", (app.flags & 1 << 30) != 0) // FLAG_SUSPENDED
            .put("stopped", (app.flags & ApplicationInfo.FLAG_STOPPED) != 0)
            .put("apk", app.sourceDir)
            .put("certificates", certificates)
            .put("entry", entryOf(name))
            .put("schemes", schemes)
            .put("claims", brief ? null : claims(name, schemes))
            .put("manifest", brief ? null : manifest(app.sourceDir))
            .put("providers", providers)
            .put("metaData", metaData)
            .put("notes", notes);
    }

    /** Asks for something optional; a refusal becomes a note. */
    private Object noted(String method, Object... args) {
        try {
            return ask(method, args);
        } catch (Throwable e) {
            notes.put(method + ": " + e);
            return null;
        }
    }

    private Object entryOf(String name) throws Throwable {
        ActivityInfo activity = entry(name);
        if (activity == null) return null;
        // The manifest's value applies unless the component was set at run time.
        Object set = noted("getComponentEnabledSetting", new ComponentName(name, activity.name), user);
        boolean byManifest = set == null || set.equals(PackageManager.COMPONENT_ENABLED_STATE_DEFAULT);
        return new JSONObject()
            .put("name", activity.name)
            .put("exported", activity.exported)
            .put("enabled", byManifest ? activity.enabled : set.equals(PackageManager.COMPONENT_ENABLED_STATE_ENABLED))
            .put("target", activity.targetActivity)
            .put("launchMode", "standard singleTop singleTask singleInstance singleInstancePerTask".split(" ")[activity.launchMode])
            .put("taskAffinity", activity.taskAffinity)
            .put("permission", activity.permission);
    }

    private JSONArray schemes(String name) {
        TreeSet<Object> schemes = new TreeSet<>();
        ParceledListSlice<?> filters = (ParceledListSlice<?>) noted("getAllIntentFilters", name);
        if (filters != null) {
            for (Object o : filters.getList()) {
                IntentFilter filter = (IntentFilter) o;
                for (int i = 0; i < filter.countDataSchemes(); i++) schemes.add(filter.getDataScheme(i));
            }
        }
        return new JSONArray(schemes);
    }

    /** Other apps that open links of the AppIDs that this one claims as its schemes. */
    private JSONArray claims(String name, JSONArray schemes) throws Throwable {
        TreeSet<Object> others = new TreeSet<>();
        for (int i = 0; i < schemes.length(); i++) {
            String scheme = schemes.getString(i);
            if (!scheme.matches("wx[0-9a-f]{16}")) continue;
            Object found = noted("queryIntentActivities", new Intent(Intent.ACTION_VIEW, Uri.parse(scheme + "://")), null, ALL, user);
            if (found == null) continue;
            for (Object o : ((ParceledListSlice<?>) found).getList()) others.add(((ResolveInfo) o).activityInfo.packageName);
        }
        others.remove(name);
        return new JSONArray(others);
    }

    /** No API returns an app's queries: they are in its manifest, which is sent unchanged. */
    private String manifest(String apk) {
        try {
            ZipFile zip = new ZipFile(apk);
            ZipEntry entry = zip.getEntry("AndroidManifest.xml");
            // An answer that is too long for a line would be useless.
            if (entry.getSize() > 512 << 10) throw new JSONException("too large");
            byte[] bytes = new byte[(int) entry.getSize()];
            new DataInputStream(zip.getInputStream(entry)).readFully(bytes);
            zip.close();
            return Wire.base64(bytes);
        } catch (Throwable e) {
            notes.put("manifest: " + e);
            return null;
        }
    }

    JSONObject list() throws Throwable {
        // From API 37 on the answer is a PackageInfoList, a subclass of the slice.
        ParceledListSlice<?> slice = (ParceledListSlice<?>) ask("getInstalledPackages", ALL, user);
        JSONArray all = new JSONArray();
        for (Object o : slice.getList()) {
            PackageInfo info = (PackageInfo) o;
            JSONObject basics = basics(info);
            boolean look = basics.getBoolean("debuggable") || !basics.getBoolean("system");
            all.put(basics.put("entry", look && entry(info.packageName) != null));
        }
        return new JSONObject().put("packages", all);
    }
}
