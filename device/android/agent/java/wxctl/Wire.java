package wxctl;

import android.content.ClipData;
import android.content.ComponentName;
import android.content.Intent;
import android.net.Uri;
import android.os.Bundle;
import android.util.Base64;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Makes an Intent of its lossless JSON: every extra has exactly the Java type that it names. */
final class Wire {
    private Wire() {}

    /** A string; null if it is absent or null. JSONObject.optString would make "null" of the latter. */
    static String text(JSONObject from, String name) throws Throwable {
        return from.isNull(name) ? null : from.getString(name);
    }

    /** Strings, each of which may be null; null if they are absent or null. */
    static String[] texts(JSONObject from, String name) throws Throwable {
        if (from.isNull(name)) return null;
        JSONArray list = from.getJSONArray(name);
        String[] out = new String[list.length()];
        for (int i = 0; i < out.length; i++) out[i] = list.isNull(i) ? null : list.getString(i);
        return out;
    }

    static String base64(byte[] bytes) {
        return Base64.encodeToString(bytes, Base64.NO_WRAP);
    }

    static Intent intent(JSONObject json) throws Throwable {
        Intent intent = new Intent(text(json, "action"));
        String component = text(json, "component");
        if (component != null) {
            ComponentName name = ComponentName.unflattenFromString(component);
            if (name == null) throw new JSONException("no component: " + component);
            intent.setComponent(name);
        }
        intent.setPackage(text(json, "package"));
        String data = text(json, "data");
        String type = text(json, "type");
        // setData and setType would each clear the other.
        intent.setDataAndType(data == null ? null : Uri.parse(data), type);
        intent.setFlags(json.optInt("flags"));
        String[] categories = texts(json, "categories");
        if (categories != null) {
            for (String category : categories) intent.addCategory(category);
        }
        clip(intent, texts(json, "clipData"));
        JSONObject extras = json.optJSONObject("extras");
        if (extras == null) return intent;
        for (Iterator<?> i = extras.keys(); i.hasNext(); ) {
            String key = (String) i.next();
            Object value = value(extras.getJSONObject(key));
            if (value instanceof Uri) intent.putExtra(key, (Uri) value);
            // A Bundle keeps the given object, and a Parcel writes it by its class, whichever method put it there.
            else intent.putExtra(key, (Serializable) value);
        }
        return intent;
    }

    /** Puts URIs into the ClipData, which is where the system looks for what to grant. */
    static void clip(Intent intent, Object[] uris) {
        ClipData clip = null;
        for (int i = 0; uris != null && i < uris.length; i++) {
            ClipData.Item item = new ClipData.Item(Uri.parse(uris[i].toString()));
            if (clip == null) clip = new ClipData(null, new String[] {String.valueOf(intent.getType())}, item);
            else clip.addItem(item);
        }
        intent.setClipData(clip);
    }

    /** The reverse; values of other types become text. */
    static JSONObject extras(Bundle extras) throws Throwable {
        JSONObject out = new JSONObject();
        if (extras == null) return out;
        for (String key : extras.keySet()) {
            Object value = extras.get(key);
            JSONObject typed = new JSONObject();
            if (value instanceof byte[]) typed.put("base64", base64((byte[]) value));
            out.put(key, typed.put("type", value == null ? "null" : value.getClass().getSimpleName()).put("value", value));
        }
        return out;
    }

    private static Object value(JSONObject typed) throws Throwable {
        String type = typed.getString("type");
        String value = "value";
        if (type.equals("null")) return null;
        if (type.equals("byte[]")) return Base64.decode(typed.getString("base64"), 0);
        // A whole number is read as an Integer if it fits into one.
        if (type.equals("Long")) return typed.getLong(value);
        if (type.equals("Double")) return typed.getDouble(value);
        if (typed.get(value).getClass().getName().equals("java.lang." + type)) return typed.get(value); // String, Integer, Boolean
        if (type.equals("android.net.Uri")) return Uri.parse(typed.getString(value));
        if (type.equals("java.util.ArrayList")) {
            ArrayList<Object> list = new ArrayList<>();
            for (String uri : texts(typed, value)) list.add(Uri.parse(uri));
            return list;
        }
        if (!type.equals("java.util.HashMap")) throw new JSONException("the unknown type " + type);
        JSONObject table = typed.getJSONObject(value);
        HashMap<Object, Object> map = new HashMap<>();
        for (Iterator<?> i = table.keys(); i.hasNext(); ) {
            String key = (String) i.next();
            map.put(key, text(table, key));
        }
        return map;
    }
}
