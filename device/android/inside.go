package android

// What wxctl asks of the VM of a debuggable app (package jdwp), and no more.
// A stand-in has to know all of it; nothing else is ever sent.
//
// Connection: handshake, IDSizes, Version, ClassesBySignature, CreateString,
// Dispose. All calls may be made from several goroutines at once and are on
// the wire together (many requests before the first answer): that is how
// reading twenty extras costs a handful of round trips. Events come on a
// channel that never blocks the answers.
//
// Set-up, nothing suspended:
//
//   - EventRequest.Set CLASS_PREPARE with ClassMatch (dots form) of the entry
//     class, suspend policy EVENT_THREAD, before ClassesBySignature of it;
//   - Superclass and Methods up from the entry class until onCreate(Bundle)
//     and onNewIntent(Intent) are found, in classes that are not the
//     framework's if possible; Fields of android.app.Activity (mIntent),
//     android.content.Intent (mExtras), android.os.BaseBundle (mMap, size()),
//     android.util.ArrayMap (mArray, mSize), and the field "value" of
//     java.lang.Integer, Long, Boolean, Float, Double, Short, Byte, Character;
//   - EventRequest.Set BREAKPOINT with LocationOnly at index 0 of those
//     methods, policy EVENT_THREAD; Method.VariableTable of onNewIntent.
//
// At a stop (the thread of the event is suspended):
//
//   - onCreate: Frames (0, 1), StackFrame.ThisObject, ObjectReference.ReferenceType,
//     ObjectReference.GetValues of mIntent;
//   - onNewIntent: Frames, ThisObject, StackFrame.GetValues of the slot that
//     VariableTable names (slot 1 without one);
//   - ObjectReference.GetValues(mExtras); InvokeMethod BaseBundle.size()
//     (which reads a Bundle that is still a Parcel), single threaded;
//     GetValues(mMap), GetValues(mArray, mSize), ArrayReference.GetValues;
//   - for each value StringReference.Value, ObjectReference.ReferenceType,
//     ReferenceType.Signature, GetValues("value"), ArrayReference.Length and
//     GetValues for byte[]; then ThreadReference.Resume.
//
// Route app. A thread that an event stopped is needed once: a BREAKPOINT at
// android.os.Handler.dispatchMessage(Message) with Count 1, policy
// EVENT_THREAD, provoked by `dumpsys activity top` (which every looper of the
// app's main thread answers) or by the app's coming to the front. There:
// ClassType.NewInstance java.lang.Thread(String), DisableCollection,
// EventRequest.Set BREAKPOINT at java.lang.Thread.run with ThreadOnly (that
// thread), InvokeMethod start(), ThreadReference.Resume. The new thread stops
// in run(); everything else is invoked in it, single threaded, so nothing of
// the app's is held by a provider that takes its time; then it is resumed and
// ends. Invoked there:
//
//   - static android.app.ActivityThread.currentApplication()
//   - android.content.Context getContentResolver(), getPackageManager(),
//     startActivity(Intent)
//   - android.content.pm.PackageManager.getLaunchIntentForPackage(String)
//   - static android.net.Uri.parse(String)
//   - android.content.ContentResolver.query(Uri, String[], String, String[], String)
//   - android.database.Cursor moveToFirst(), getColumnCount(),
//     getColumnName(int), getString(int), close()
//   - static android.content.Intent.parseUri(String, int), setAction(String),
//     putExtra(String, String), putExtra(String, byte[]),
//     putExtra(String, Serializable), setClipData(ClipData), addFlags(int)
//   - new java.util.HashMap(), put(Object, Object)
//   - java.lang.Throwable.toString() of what was thrown
//
// and for arguments: CreateString, ArrayType.NewInstance and
// ArrayReference.SetValues of byte[] and String[], DisableCollection.
