package wxctl;

import android.content.ContentResolver;
import android.content.IContentProvider;
import android.content.Intent;
import android.database.Cursor;
import android.net.Uri;
import android.os.Binder;
import android.os.Build;
import android.os.Bundle;
import android.os.IBinder;
import android.os.Process;
import java.io.File;
import java.util.NoSuchElementException;
import org.json.JSONException;
import org.json.JSONObject;

/** A content provider of one user, which stays up for as long as it is open. */
final class Provider {
    private final IBinder token = new Binder();
    private final String authority;
    private final int user;
    private Object provider;
    /** Who asks: an AttributionSource from API 31 on, null below. */
    private Object caller;

    Provider(String authority, int user) throws Throwable {
        this.authority = authority;
        this.user = user;
        Object holder = Phone.activity("getContentProviderExternal", new Object[] {authority, user, token, "wxctl"}, new Object[] {authority, user, token});
        // The holder's class moved at API 26; its field did not.
        if (holder != null) provider = Phone.field(holder, "provider");
        if (provider == null) throw new NoSuchElementException("no provider " + authority + " for user " + user);
        if (Build.VERSION.SDK_INT < 31) return;
        caller = Class.forName("android.content.AttributionSource").getConstructor(int.class, String.class, String.class)
            .newInstance(Process.myUid(), Phone.SHELL, null);
    }

    void close() throws Throwable {
        Phone.activity("removeContentProviderExternal", new Object[] {authority, token});
    }

    private Object call(String method, Object[]... shapes) throws Throwable {
        return Phone.call(IContentProvider.class, provider, method, shapes);
    }

    /** The shape with the caller in front, if the level has callers. */
    private Object[] called(Object... shape) {
        shape[0] = caller;
        return caller == null ? null : shape;
    }

    private Cursor query(Uri uri, String[] columns, String where, String[] args, String order) throws Throwable {
        Object how = Build.VERSION.SDK_INT < 26 ? null
            : Phone.call(ContentResolver.class, null, "createSqlQueryBundle", new Object[] {where, args, order});
        return (Cursor) call("query",
            called(null, uri, columns, how, null),
            new Object[] {Phone.SHELL, null, uri, columns, how, null},
            new Object[] {Phone.SHELL, uri, columns, how, null},
            new Object[] {Phone.SHELL, uri, columns, where, args, order, null});
    }

    static File shared(String path) throws Throwable {
        if (!path.startsWith("/sdcard/") && !path.startsWith("/storage/") || path.contains("..")) {
            throw new JSONException("not on shared storage: " + path);
        }
        return new File(path);
    }

    /** The verb index. */
    JSONObject index(File file) throws Throwable {
        if (!file.isFile()) throw new NoSuchElementException("no file " + file);
        String method = "scan_file";
        Object found = null;
        if (Build.VERSION.SDK_INT >= 29) found = scan(file, method);
        // API 24 to 28 know no scan_file; that of 29 is hidden, and vendors may have left it out.
        if (found == null && Build.VERSION.SDK_INT <= 29) {
            method = "broadcast";
            found = broadcast(file);
        }
        return new JSONObject().put("uri", found).put("method", method);
    }

    private Object scan(File file, String method) throws Throwable {
        Bundle extras = new Bundle();
        // API 29 needs the file as a Uri, later ones as a path.
        extras.putParcelable(Intent.EXTRA_STREAM, Uri.fromFile(file));
        String path = file.getCanonicalPath();
        try {
            Bundle answer = (Bundle) call("call",
                called(null, authority, method, path, extras),
                new Object[] {Phone.SHELL, null, authority, method, path, extras},
                new Object[] {Phone.SHELL, authority, method, path, extras});
            return answer.getParcelable(Intent.EXTRA_STREAM);
        } catch (RuntimeException e) {
            if (Build.VERSION.SDK_INT > 29) throw e;
            e.printStackTrace();
            return null;
        }
    }

    private Object broadcast(File file) throws Throwable {
        Intent scan = new Intent(Intent.ACTION_MEDIA_SCANNER_SCAN_FILE);
        scan.setDataAndType(Uri.fromFile(file), null);
        scan.setPackage("com.android.providers.media");
        scan.setFlags(0x01000000); // FLAG_RECEIVER_INCLUDE_BACKGROUND, needed from API 26 on
        Phone.activity("broadcastIntent", new Object[] {null, scan, null, null, 0, null, null, null, -1, null, false, false, user});
        Object found = null;
        for (int tries = 0; found == null && tries < 100; tries++) {
            Thread.sleep(100);
            found = find(file);
        }
        return found;
    }

    /** The row of a file, in the collection of its type: a grant for the generic one would not do. */
    private Object find(File file) throws Throwable {
        String media = "content://media/external/";
        Cursor row = query(Uri.parse(media + "file"), new String[] {"_id", "media_type"}, "_data=?", new String[] {file.getCanonicalPath()}, null);
        if (row == null || !row.moveToNext()) return null;
        int type = row.getInt(1);
        String found = media + (type == 1 ? "images/media/" : type == 3 ? "video/media/" : "file/") + row.getString(0);
        row.close();
        return found;
    }

    /** The verb remove. */
    JSONObject remove(File file, Uri uri) throws Throwable {
        if (!authority.equals(uri.getAuthority())) throw new JSONException("not a URI of MediaStore: " + uri);
        Object rows = call("delete", called(null, uri, null), new Object[] {Phone.SHELL, null, uri, null}, new Object[] {Phone.SHELL, uri, null, null});
        // The provider deletes the file with its row, but not at every level and for every type.
        return new JSONObject().put("rows", rows).put("file", !file.exists() || file.delete());
    }
}
